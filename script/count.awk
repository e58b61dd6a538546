# Sums the summary lines of test runners: prints "PASSED FAILED SKIPPED". Where the last line is a plain
# "N passed, N failed", that line is the sum, and what came before it is not counted twice.

{ gsub(/\033\[[0-9;]*m/, "") }

NF { last = $0 }

# cargo test
/^test result: / { passed += $4; failed += $6; skipped += $8 }

# node --test
/^(#|ℹ) pass [0-9]+$/ { passed += $NF }
/^(#|ℹ) (fail|cancelled) [0-9]+$/ { failed += $NF }
/^(#|ℹ) (skipped|todo) [0-9]+$/ { skipped += $NF }

# pytest
/^=* ?[0-9]+ [a-z].* in [0-9.]+s/ {
  for (i = 2; i <= NF; i++) {
    if ($i ~ /^passed/) passed += $(i - 1)
    if ($i ~ /^(failed|error)/) failed += $(i - 1)
    if ($i ~ /^skipped/) skipped += $(i - 1)
  }
}

END {
  if (last ~ /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/) {
    split(last, words, " ")
    passed = words[1]; failed = words[3]; skipped = words[5]
  }
  printf "%d %d %d\n", passed, failed, skipped
}
