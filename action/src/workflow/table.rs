//! The inputs of the Action: the one list of their names. Tests compare `action.yml` and `script/action/run`
//! with it.

/// What the variables of the inputs begin with.
pub(super) const PREFIX: &str = "LAKEKEY_INPUT_";

/// Names who reads an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The binary.
    Binary,
    /// `script/action/run`, which finds the binary.
    Script,
}

/// Describes an input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input {
    /// The name, as it stands in a workflow's `with:`.
    pub(super) name: &'static str,
    /// Who reads it.
    pub(super) reader: Reader,
    /// Whether it is masked before anything is printed.
    pub(super) secret: bool,
    /// Whether it may have several lines: a list, and a key in PEM.
    pub(super) several_lines: bool,
    /// Whether it says what a file would say, so that it cannot be given besides one.
    pub(super) of_one_target: bool,
}

/// Makes an input that the binary reads.
const fn input(name: &'static str) -> Input {
    Input { name, reader: Reader::Binary, secret: false, several_lines: false, of_one_target: false }
}

impl Input {
    const fn of_one_target(self) -> Self {
        Self { of_one_target: true, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn several_lines(self) -> Self {
        Self { several_lines: true, ..self }
    }

    const fn read_by_the_script(self) -> Self {
        Self { reader: Reader::Script, ..self }
    }

    /// Returns the variable that holds the input.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('-', "_").to_ascii_uppercase())
    }
}

/// Every input, in the order of `action.yml`.
pub(super) const INPUTS: [Input; 29] = [
    input("command"),
    input("config"),
    input("target").several_lines(),
    input("workspace").of_one_target(),
    input("tenant-id").of_one_target(),
    input("client-id").of_one_target(),
    input("client-secret").of_one_target().secret(),
    input("auth-type").of_one_target(),
    input("github-token").of_one_target().secret(),
    input("app-id").of_one_target(),
    input("private-key").of_one_target().secret().several_lines(),
    input("secret").of_one_target(),
    // By its default it stands beside every file.
    input("repository"),
    input("environment").of_one_target(),
    input("lifetime").of_one_target(),
    input("renew-before").of_one_target(),
    input("overlap").of_one_target(),
    input("scopes").of_one_target(),
    input("force"),
    input("dry-run"),
    input("fail-on"),
    input("revoke"),
    input("matrix"),
    input("html"),
    input("issue"),
    // By its default it stands beside every file.
    input("issue-token").secret(),
    input("binary").read_by_the_script(),
    input("version").read_by_the_script(),
    input("build").read_by_the_script(),
];

/// Returns the input of that name.
pub(super) fn find(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.name == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const ACTION: &str = include_str!("../../../action.yml");
    const SCRIPT: &str = include_str!("../../../script/action/run");

    /// Returns the keys one step below a line of `action.yml`, each with what stands behind its colon.
    fn below<'a>(line: &str) -> Vec<(&'a str, &'a str)> {
        let head = ACTION.lines().find(|known| known.trim_start() == line).unwrap();
        let depth = |line: &str| line.len() - line.trim_start().len();
        let mut rest = ACTION.lines().skip_while(|known| *known != head).skip(1).peekable();
        let step = depth(rest.peek().unwrap());
        rest.take_while(|line| line.is_empty() || depth(line) >= step)
            .filter(|line| !line.is_empty() && depth(line) == step)
            .map(|line| line.trim().split_once(':').unwrap())
            .collect()
    }

    #[test]
    fn action_yml_has_the_inputs_of_the_table_in_its_order() {
        let declared: Vec<&str> = below("inputs:").into_iter().map(|(name, _)| name).collect();
        assert_eq!(declared, INPUTS.map(|input| input.name));
    }

    #[test]
    fn the_step_of_action_yml_hands_on_every_input_as_its_variable() {
        let handed_on: Vec<(String, String)> = below("env:")
            .into_iter()
            .map(|(variable, value)| (variable.to_owned(), value.trim().to_owned()))
            .collect();
        let expected =
            INPUTS.map(|input| (input.variable(), format!("${{{{ inputs.{} }}}}", input.name))).to_vec();
        assert_eq!(handed_on, expected);
    }

    #[test]
    fn the_script_reads_the_inputs_that_are_its_own_and_no_other() {
        let word = |text: &'static str| {
            let end = text.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(text.len());
            format!("{PREFIX}{}", &text[..end])
        };
        let read: BTreeSet<String> = SCRIPT.split(PREFIX).skip(1).map(word).collect();
        let its_own = INPUTS.iter().filter(|input| input.reader == Reader::Script);
        assert_eq!(read, its_own.map(Input::variable).collect());
    }

    #[test]
    fn the_documents_give_no_input_that_there_is_not() {
        let mut seen = 0;
        for document in [
            include_str!("../../../README.md"),
            include_str!("../../../examples/github/rotate.yml"),
            include_str!("../../../examples/github/fleet.yml"),
            include_str!("../../../examples/github/provision.yml"),
            include_str!("../../../examples/github/revoke.yml"),
            include_str!("../../../examples/github/pages.yml"),
            include_str!("../../../examples/github/status.yml"),
            include_str!("../../../examples/github/organization-secret.yml"),
        ] {
            for name in given(document) {
                assert!(find(name).is_some(), "there is no input {name}");
                seen += 1;
            }
        }
        assert!(seen > 20, "{seen}");
    }

    /// Returns the keys of the `with:` of each step that uses the Action.
    fn given(document: &str) -> Vec<&str> {
        let depth = |line: &str| line.len() - line.trim_start().len();
        let mut given = Vec::new();
        for step in document.split("uses: lakekey/lakekey@").skip(1) {
            let mut lines = step.lines().skip(1).skip_while(|line| line.trim() != "with:");
            let Some(with) = lines.next().map(depth) else { continue };
            let keys = lines.take_while(|line| depth(line) > with);
            given.extend(keys.filter_map(|line| line.trim().split_once(':')).map(|(key, _)| key));
        }
        given
    }
}
