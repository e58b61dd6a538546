//! One target without a file: the document that the inputs stand for. Secrets stay where they are and are
//! referred to.

use lakekey_core::{Code, Command, Config, Error};
use serde_json::{Map, Value, json};

use super::input::{Inputs, variable, wrong};
use super::table::{self, INPUTS, Input};
use crate::configuration::read;

/// The secret that is written where the inputs name none.
const SECRET: &str = "DATABRICKS_TOKEN";

/// Reads the configuration: of the file that is named, of the inputs, or of `lakekey.yml`.
pub(super) fn configuration(inputs: &Inputs<'_>, command: &Command) -> Result<Config, Error> {
    match (inputs.get("config"), of_one_target(inputs)) {
        (Some(path), given) => {
            let config = read(&path, inputs.0)?;
            match given {
                Some(input) => Err(wrong(
                    input.name,
                    "what it says stands in the file that the input config names, and cannot be given \
                     besides",
                )),
                None => Ok(config),
            }
        }
        (None, Some(_)) => Config::from_value(document(inputs, command)?, inputs.0).map_err(named),
        (None, None) => read("lakekey.yml", inputs.0).map_err(|error| {
            error.with_hint(
                "give the inputs of one target (workspace, client-id, …), or a file by the input config",
            )
        }),
    }
}

/// Returns the first input that stands for a part of a target, without a file.
pub(super) fn of_one_target(inputs: &Inputs<'_>) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.of_one_target && inputs.get(input.name).is_some())
}

/// Makes the document of one target.
fn document(inputs: &Inputs<'_>, command: &Command) -> Result<Value, Error> {
    let needed = |name: &str| inputs.get(name).ok_or_else(|| wrong(name, "it is needed"));
    let repository = inputs
        .get("repository")
        .or_else(|| inputs.0.variable("GITHUB_REPOSITORY"))
        .ok_or_else(|| wrong("repository", "it is needed outside of a workflow"))?;
    let secret = inputs.get("secret").unwrap_or_else(|| SECRET.to_owned());
    let environment = inputs.get("environment");
    let auth_type = auth_type(inputs);
    let databricks = matches!(auth_type.as_str(), "oauth-m2m" | "github-oidc");
    let mut target = Map::new();
    target.insert("workspace".to_owned(), json!(needed("workspace")?));
    target.insert(
        "principal".to_owned(),
        present([
            ("kind", Some(json!(if databricks { "databricks" } else { "entra" }))),
            ("tenant-id", inputs.get("tenant-id").map(Value::from)),
            ("client-id", Some(json!(needed("client-id")?))),
        ]),
    );
    target.insert("auth".to_owned(), auth(inputs, &auth_type)?);
    let policy = ["lifetime", "renew-before", "overlap"].map(|key| (key, inputs.get(key).map(Value::from)));
    let [lifetime, renew_before, overlap] = policy;
    let policy =
        [lifetime, renew_before, overlap, ("scopes", inputs.get("scopes").map(|text| scopes(&text)))];
    target.insert("token".to_owned(), present(policy));
    target.insert(
        "deliver".to_owned(),
        json!([present([
            ("type", Some(json!("github-secret"))),
            ("repository", Some(json!(repository))),
            ("environment", environment.map(Value::from)),
            ("secret", Some(json!(secret))),
        ])]),
    );
    // The admin is never an input of the scheduled job: who provisions or revokes gives it by the
    // environment.
    if matches!(command, Command::Provision | Command::Doctor | Command::Revoke(_))
        && inputs.0.variable("DATABRICKS_ADMIN_TOKEN").is_some()
    {
        target.insert("admin".to_owned(), json!({"type": "pat", "token": {"env": "DATABRICKS_ADMIN_TOKEN"}}));
    }
    Ok(json!({"version": 1, "targets": [target], "github": github(inputs)?}))
}

/// Reads the input `scopes`: one of the words of a policy, or names with commas between them.
fn scopes(text: &str) -> Value {
    match text {
        "inherit" | "all" | "auto" => json!(text),
        names => json!(names.split(',').map(str::trim).collect::<Vec<_>>()),
    }
}

fn auth_type(inputs: &Inputs<'_>) -> String {
    let by_default =
        if inputs.get("client-secret").is_some() { "azure-client-secret" } else { "github-oidc-azure" };
    inputs.get("auth-type").unwrap_or_else(|| by_default.to_owned())
}

fn auth(inputs: &Inputs<'_>, auth_type: &str) -> Result<Value, Error> {
    let secret = inputs.get("client-secret").is_some();
    match (auth_type, secret) {
        ("azure-client-secret" | "oauth-m2m", true) => {
            Ok(json!({"type": auth_type, "client-secret": {"env": variable("client-secret")}}))
        }
        ("azure-client-secret" | "oauth-m2m", false) => {
            Err(Error::config(Code::SignInNotConfigured, "input client-secret", "this auth-type needs it"))
        }
        ("github-oidc-azure" | "github-oidc" | "azure-msi" | "azure-cli", false) => {
            Ok(json!({"type": auth_type}))
        }
        ("github-oidc-azure" | "github-oidc" | "azure-msi" | "azure-cli", true) => {
            Err(wrong("client-secret", "this auth-type has none"))
        }
        _ => Err(wrong(
            "auth-type",
            "write azure-client-secret, github-oidc-azure, oauth-m2m, github-oidc, azure-msi or azure-cli; \
             others need a file",
        )),
    }
}

fn github(inputs: &Inputs<'_>) -> Result<Value, Error> {
    match (inputs.get("app-id"), inputs.get("private-key").is_some(), inputs.get("github-token").is_some()) {
        (Some(id), true, false) => {
            let id: u64 = id
                .parse()
                .map_err(|_| wrong("app-id", "an App's id is a number; the client id is another thing"))?;
            Ok(json!({"type": "app", "app-id": id, "private-key": {"env": variable("private-key")}}))
        }
        (None, false, true) => Ok(json!({"type": "token", "token": {"env": variable("github-token")}})),
        (None, false, false) => Err(Error::config(
            Code::GithubNotConfigured,
            "input github-token",
            "nobody is named who may write the secret: give app-id and private-key",
        )),
        (Some(_), false, _) => Err(wrong("private-key", "it is needed beside app-id")),
        (None, true, _) => Err(wrong("app-id", "it is needed beside private-key")),
        (Some(_), true, true) => Err(wrong("github-token", "give either it or app-id and private-key")),
    }
}

/// Makes an object of what is there.
fn present<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

/// Names the input instead of the key that the user has never written.
fn named(error: Error) -> Error {
    let input = error.key().and_then(|key| table::find(key.rsplit('.').next()?));
    match input {
        Some(input) if input.of_one_target || input.name == "repository" => {
            error.with_key(format!("input {}", input.name))
        }
        _ => error,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::super::input::tests::inputs;
    use super::*;

    const ONE: [(&str, &str); 5] = [
        ("workspace", "https://adb-1234567890123456.7.azuredatabricks.net"),
        ("client-id", "11111111-1111-1111-1111-111111111111"),
        ("client-secret", "a-secret-of-the-principal"),
        ("github-token", "github_pat_of_the_user"),
        ("repository", "acme/data"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Config, Error> {
        let all: Vec<(&str, &str)> = more
            .iter()
            .copied()
            .chain(ONE.iter().copied().filter(|(n, _)| !more.iter().any(|(m, _)| m == n)))
            .collect();
        let variables = inputs(&all);
        configuration(&Inputs(&variables), &Command::Rotate { force: false })
    }

    #[test]
    fn the_inputs_of_one_target_are_enough() {
        let config = read(&[("lifetime", "60d"), ("environment", "production")]).unwrap();
        let target = &config.targets()[0];
        assert_eq!(target.name(), "acme.data.production.DATABRICKS_TOKEN");
        let lifetimes: Vec<u64> = target.policies().map(|(_, policy)| policy.lifetime.seconds()).collect();
        assert_eq!(lifetimes, [60 * 86_400]);
        assert_eq!(target.places(), ["github-secret acme/data DATABRICKS_TOKEN (production)"]);
    }

    #[test]
    fn no_secret_stands_in_the_document() {
        let variables = inputs(&ONE);
        let document = document(&Inputs(&variables), &Command::Rotate { force: false }).unwrap().to_string();
        assert!(!document.contains("a-secret-of-the-principal"));
        assert!(!document.contains("github_pat_of_the_user"));
    }

    #[test]
    fn a_wrong_value_is_refused_by_the_name_of_its_input() {
        for (name, value) in [
            ("lifetime", "ninety days"),
            ("workspace", "https://evil.example"),
            ("client-id", "my-app"),
            ("secret", "GITHUB_X"),
            ("repository", "acme/data/../x"),
            ("auth-type", "password"),
            ("overlap", "400d"),
            ("scopes", "sql, all"),
            ("scopes", "sql,,scim"),
        ] {
            let key = read(&[(name, value)]).unwrap_err().key().map(str::to_owned);
            assert_eq!(key.as_deref(), Some(format!("input {name}").as_str()));
        }
    }

    #[test]
    fn a_file_and_the_inputs_of_one_target_exclude_each_other() {
        let file = std::env::temp_dir().join(format!("lakekey-{}-{}.yml", std::process::id(), line!()));
        std::fs::write(&file, "{version: 1, targets: [{name: a, workspace: 'http://127.0.0.1:1'}]}").unwrap();
        let refused = read(&[("config", file.to_str().unwrap())]).unwrap_err();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(refused.key(), Some("input workspace"));
    }

    #[test]
    fn the_scopes_are_a_word_or_names_between_commas() {
        for (text, expected) in [
            ("auto", json!("auto")),
            ("sql", json!(["sql"])),
            ("sql, unity-catalog", json!(["sql", "unity-catalog"])),
        ] {
            let variables = inputs(&[&ONE[..], &[("scopes", text)]].concat());
            let document = document(&Inputs(&variables), &Command::Rotate { force: false }).unwrap();
            assert_eq!(document["targets"][0]["token"]["scopes"], expected);
        }
    }

    #[test]
    fn an_app_needs_both_its_id_and_its_key() {
        assert_eq!(
            read(&[("app-id", "12"), ("github-token", "")]).unwrap_err().key(),
            Some("input private-key")
        );
        assert_eq!(
            read(&[("private-key", "x"), ("github-token", "")]).unwrap_err().key(),
            Some("input app-id")
        );
        assert_eq!(
            read(&[("private-key", "x"), ("app-id", "12")]).unwrap_err().key(),
            Some("input github-token")
        );
    }
}
