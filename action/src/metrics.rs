//! A report as OpenMetrics, for a collector that reads a file, such as node_exporter's textfile collector.
//!
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>

use std::fmt::Write as _;

use lakekey_core::{Holds, Report, TargetReport};

/// Describes one kind of number.
struct Metric {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&TargetReport) -> Option<i64>,
}

const METRICS: [Metric; 6] = [
    Metric {
        name: "lakekey_credential_created_timestamp_seconds",
        unit: "seconds",
        help: "When the credential in use was made.",
        value: |target| Some(target.credential.as_ref()?.created.as_second()),
    },
    Metric {
        name: "lakekey_credential_due_timestamp_seconds",
        unit: "seconds",
        help: "When the credential in use is renewed.",
        value: |target| Some(target.credential.as_ref()?.due?.as_second()),
    },
    Metric {
        name: "lakekey_credential_expiry_timestamp_seconds",
        unit: "seconds",
        help: "When the credential in use ends.",
        value: |target| Some(target.credential.as_ref()?.expires?.as_second()),
    },
    Metric {
        name: "lakekey_credential_narrows_timestamp_seconds",
        unit: "seconds",
        help: "When Databricks takes away what the credential in use was not seen to need.",
        value: |target| Some(target.credential.as_ref()?.narrows?.as_second()),
    },
    Metric {
        name: "lakekey_places_without_credential",
        unit: "",
        help: "How many places do not hold the credential in use.",
        value: |target| {
            let without = |holds| matches!(holds, Holds::Nothing | Holds::Older | Holds::Overwritten);
            i64::try_from(target.delivered.iter().filter(|place| without(place.holds)).count()).ok()
        },
    },
    Metric {
        name: "lakekey_credentials_left_over",
        unit: "",
        help: "How many credentials are alive beside the one in use.",
        value: |target| i64::try_from(target.left_over.len()).ok(),
    },
];

/// Renders a report; times are seconds since 1970.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    for metric in &METRICS {
        let Metric { name, unit, help, value } = metric;
        let samples: Vec<(&TargetReport, i64)> =
            report.targets.iter().filter_map(|target| Some((target, value(target)?))).collect();
        if samples.is_empty() {
            continue;
        }
        let _ = writeln!(text, "# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        for (target, value) in samples {
            let _ = writeln!(text, "{name}{{{}}} {value}", labels(target));
        }
    }
    text.push_str(
        "# TYPE lakekey_target_outcome gauge\n# HELP lakekey_target_outcome How the target stands.\n",
    );
    for target in &report.targets {
        let _ = writeln!(
            text,
            "lakekey_target_outcome{{{},outcome=\"{}\"}} 1",
            labels(target),
            target.outcome.as_str()
        );
    }
    let _ = write!(
        text,
        "# TYPE lakekey_report_timestamp_seconds gauge\n# UNIT lakekey_report_timestamp_seconds seconds\n# \
         HELP lakekey_report_timestamp_seconds When this was found out.\nlakekey_report_timestamp_seconds \
         {}\n# EOF\n",
        report.finished.as_second()
    );
    text
}

fn labels(target: &TargetReport) -> String {
    let kind = target.credential.as_ref().map_or("none", |credential| credential.kind.as_str());
    let workspace = target.workspace.as_deref().unwrap_or_default();
    format!(
        "target=\"{}\",kind=\"{}\",workspace=\"{}\"",
        escaped(&target.name),
        escaped(kind),
        escaped(workspace)
    )
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use lakekey_core::{CredentialKind, CredentialReport, Outcome, Timestamp};

    use super::*;

    #[test]
    fn expiry_and_due_are_seconds_by_target_and_what_is_not_known_is_left_out() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut first = TargetReport::new("catalog", Outcome::Ok);
        let mut credential = CredentialReport::new(CredentialKind::Pat, "a", at(1_800_000_000));
        credential.due = Some(at(1_805_000_000));
        credential.expires = Some(at(1_807_000_000));
        first.credential = Some(credential);
        first.workspace = Some("https://adb-1.2.azuredatabricks.net".to_owned());
        let second = TargetReport::new("reports", Outcome::Failed);
        let report = Report::new("status", at(0), at(1_801_000_000), vec![first, second]);
        let text = render(&report);
        let labels = "target=\"catalog\",kind=\"PAT\",workspace=\"https://adb-1.2.azuredatabricks.net\"";
        for line in [
            format!("lakekey_credential_expiry_timestamp_seconds{{{labels}}} 1807000000"),
            format!("lakekey_credential_due_timestamp_seconds{{{labels}}} 1805000000"),
            format!("lakekey_target_outcome{{{labels},outcome=\"ok\"}} 1"),
            "lakekey_report_timestamp_seconds 1801000000".to_owned(),
            "# TYPE lakekey_credential_due_timestamp_seconds gauge".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(!text.contains("narrows") && text.ends_with("# EOF\n"), "{text}");
        assert!(
            text.contains("target=\"reports\",kind=\"none\",workspace=\"\",outcome=\"failed\""),
            "{text}"
        );
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
