// The help, in the binary's form.

/** Returns an option as messages name it, such as `--config <FILE>`. */
export const label = ({ name, value, kind }) => {
  if (kind === "count") return `--${name}...`;
  return value ? `--${name} <${value}>` : `--${name}`;
};

function columns(rows) {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function described({ help, env, default: otherwise, of }) {
  const more = [
    env && `[env: ${env}]`,
    otherwise && `[default: ${otherwise}]`,
    of && `[possible values: ${of.join(", ")}]`,
  ];
  return [help, ...more.filter(Boolean)].join(" ");
}

const HELP = ["-h, --help", "Print help"];

/** Returns the help of the whole. */
export function help({ about, commands, exit, examples, notes }) {
  const here = commands.filter(({ binary }) => !binary);
  const elsewhere = commands.filter(({ binary }) => binary).map(({ name }) => name);
  const shown = examples.filter((example) => !elsewhere.includes(example.split(" ")[1]));
  const statuses = Object.entries(exit).map(([status, meaning]) => `${status} ${meaning}`);
  return `${about}

Usage: lakekey <COMMAND>

Commands:
${columns(here.map(({ name, help: line }) => [name, line]))}
Options:
${columns([HELP, ["-V, --version", "Print version"]])}
Examples:
${shown.map((example) => `  ${example}\n`).join("")}
${notes.before}
Exit status: ${statuses.join("; ")}.
${notes.after}
Commands of the native binary alone: ${elsewhere.join(", ")}.
`;
}

/** Returns the help of a command. */
export function helpOf({ name, help: line, options, "one-of": oneOf }) {
  const one = oneOf?.map((known) => label(options.find((option) => option.name === known))).join("|");
  const row = (option) => [
    `${option.short ? `-${option.short}, ` : "    "}${label(option)}`,
    described(option),
  ];
  const plain = options.filter(({ heading }) => !heading);
  const groups = [...new Set(options.map(({ heading }) => heading).filter(Boolean))].map((heading) => {
    const rows = options.filter((option) => option.heading === heading).map(row);
    return `\n${heading}:\n${columns(rows)}`;
  });
  return `${line}

Usage: lakekey ${name}${options.length > 0 ? " [OPTIONS]" : ""}${one ? ` <${one}>` : ""}

Options:
${columns([...plain.map(row), HELP])}${groups.join("")}`;
}
