#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};

use super::{VALUE, config, delivery, host, is_silent, open, value, with};
use crate::host::TransportErrorKind;
use crate::host::testing::TestHost;
use crate::model::{Code, Error};
use crate::sink::{SinkState, Written};

const GET: &str =
    "GET https://dev.azure.com/acme/data/_apis/distributedtask/variablegroups/12?api-version=7.1";
const PUT: &str = "PUT https://dev.azure.com/acme/_apis/distributedtask/variablegroups/12?api-version=7.1";
const BEFORE: &str = "2026-11-01T00:00:00.1234567Z";
const AFTER: &str = "2026-11-24T10:00:01.5Z";

fn sink(group: Value) -> Value {
    json!({"type": "azure-devops-variable", "organization": "acme", "project": "data", "group": group,
        "variable": "DATABRICKS_TOKEN",
           "auth": {"type": "pat", "token": {"env": "SINK_TOKEN"}}})
}

fn group(modified: &str) -> Value {
    json!({
        "id": 12, "type": "Vsts", "name": "prod", "description": null, "modifiedOn": modified,
            "modifiedBy": {"id": "ada", "displayName": "Ada"},
        "variables": {
            "databricks_token": {"isSecret": true, "value": null},
            "PASSWORD": {"isSecret": true, "value": null},
            "URL": {"value": "https://data.example"},
        },
        "variableGroupProjectReferences": [
            {"name": "prod", "projectReference": {"id": "p1", "name": "data"}},
            {"name": "prod", "projectReference": {"id": "p2", "name": "other"}},
        ],
    })
}

fn observe(host: &TestHost, sink: Value) -> Result<SinkState, Error> {
    with(host, &config(host, json!({}), sink), async |context, sink| sink.observe(context).await)
}

fn deliver(host: &TestHost) -> Result<SinkState, Error> {
    with(host, &config(host, json!({}), sink(json!(12))), async |context, sink| {
        sink.write(context, &value(), &delivery()).await?;
        sink.read_back(context, &value(), &delivery()).await
    })
}

#[test]
fn one_variable_changes_and_all_else_goes_back_as_it_was_read() {
    let host = host();
    host.on(GET, 200, group(BEFORE)).on(PUT, 200, group(AFTER)).on(GET, 200, group(AFTER));
    let state = deliver(&host).unwrap();
    assert_eq!(
        state,
        SinkState {
            written: Written::By(AFTER.parse().unwrap()),
            holds: None,
            editor: Some("Ada".to_owned())
        }
    );
    let sent = host.sent();
    assert_eq!(
        sent[1].json(),
        json!({
            "id": 12, "type": "Vsts", "name": "prod", "description": null,
            "variables": {
                "databricks_token": {"isSecret": true, "value": VALUE},
                "PASSWORD": {"isSecret": true, "value": null},
                "URL": {"value": "https://data.example"},
            },
            "variableGroupProjectReferences": [
                {"name": "prod", "projectReference": {"id": "p1", "name": "data"}},
                {"name": "prod", "projectReference": {"id": "p2", "name": "other"}},
            ],
        })
    );
    // An Azure DevOps PAT is the password of nobody.
    assert_eq!(sent[1].header("authorization"), Some("Basic OnNpbmstdG9rZW4="));
}

#[test]
fn a_lost_reply_is_followed_by_a_fresh_read_and_not_by_the_same_body() {
    let host = host();
    let mut edited = group("2026-11-24T09:59:59Z");
    edited["variables"]["ADDED"] = json!({"value": "by Ada"});
    host.on(GET, 200, group(BEFORE))
        .on_failure(PUT, TransportErrorKind::Lost)
        .on(GET, 200, edited)
        .on(PUT, 200, group(AFTER))
        .on(GET, 200, group(AFTER));
    deliver(&host).unwrap();
    assert_eq!(host.sent()[3].json()["variables"]["ADDED"], json!({"value": "by Ada"}));
}

#[test]
fn after_a_request_for_patience_the_group_is_read_anew() {
    let host = host();
    host.on(GET, 200, group(BEFORE))
        .on_text(PUT, 429, &[("retry-after", "7")], "")
        .on(GET, 200, group(BEFORE))
        .on_failure(PUT, TransportErrorKind::NotSent)
        .on(GET, 200, group(BEFORE))
        .on(PUT, 200, group(AFTER))
        .on(GET, 200, group(AFTER));
    deliver(&host).unwrap();
    host.sent();
}

#[test]
fn what_was_uncertain_once_stays_uncertain() {
    let host = host();
    host.on(GET, 200, group(BEFORE)).on(PUT, 500, json!({})).on(GET, 200, group(BEFORE)).on(
        PUT,
        403,
        json!({"message": "no"}),
    );
    let error = deliver(&host).unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkPermissionMissing, true));
    host.sent();
}

#[test]
fn an_edit_of_somebody_else_right_after_the_write_is_noticed_and_written_upon() {
    let theirs = "2026-11-24T10:00:02Z";
    let last = "2026-11-24T10:00:03Z";
    let host = host();
    host.on(GET, 200, group(BEFORE))
        .on(PUT, 200, group(AFTER))
        .on(GET, 200, group(theirs))
        .on(GET, 200, group(theirs))
        .on(PUT, 200, group(last))
        .on(GET, 200, group(last));
    deliver(&host).unwrap();
    assert_eq!(host.sent().len(), 6);
    assert!(
        host.messages().iter().any(|m| m.contains("Ada edited the variable group 12 in the same moment")),
        "{:?}",
        host.messages()
    );
}

#[test]
fn targets_that_write_to_one_group_keep_what_the_other_has_written() {
    let second = "2026-11-24T10:00:02Z";
    let host = host();
    host.on(GET, 200, group(BEFORE))
        .on(PUT, 200, group(AFTER))
        .on(GET, 200, group(AFTER))
        .on(PUT, 200, group(second))
        .on(GET, 200, group(second))
        .on(GET, 200, group(second));
    let mut other = sink(json!(12));
    other["variable"] = json!("PASSWORD");
    let config = host.config(json!({}), json!({"deliver": [sink(json!(12)), other]}));
    let (one, two) = (open(&config, 0), open(&config, 1));
    host.with(&config, async |context| {
        let (first, then) = futures_util::future::join(
            one.write(context, &value(), &delivery()),
            two.write(context, &value(), &delivery()),
        )
        .await;
        first.unwrap();
        then.unwrap();
        one.read_back(context, &value(), &delivery()).await.unwrap();
        two.read_back(context, &value(), &delivery()).await.unwrap();
    });
    host.sent();
    assert!(host.messages().is_empty(), "an edit of this run is no foreign one: {:?}", host.messages());
}

#[test]
fn a_group_that_is_edited_again_and_again_is_given_up() {
    let host = host();
    let mut second = 0;
    let mut next = || {
        second += 1;
        group(&format!("2026-11-24T10:01:{second:02}Z"))
    };
    host.on(GET, 200, group(BEFORE)).on(PUT, 200, next());
    for _ in 0..3 {
        host.on(GET, 200, next()).on(GET, 200, next()).on(PUT, 200, next());
    }
    let error = deliver(&host).unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkChanged, true));
    host.sent();
}

#[test]
fn a_group_that_shows_no_edit_or_no_secret_is_a_mismatch() {
    let mut gone = group(AFTER);
    gone["variables"].as_object_mut().unwrap().remove("databricks_token");
    let mut plain = group(AFTER);
    plain["variables"]["databricks_token"] = json!({"value": "x"});
    for shown in [group(BEFORE), gone, plain] {
        let host = host();
        host.on(GET, 200, group(BEFORE)).on(PUT, 200, group(AFTER));
        for _ in 0..4 {
            host.on(GET, 200, shown.clone());
        }
        let error = deliver(&host).unwrap_err();
        assert_eq!((error.code(), error.is_uncertain()), (Code::SinkMismatch, true));
        assert!(is_silent(&error));
        host.sent();
    }
}

#[test]
fn a_group_is_found_by_its_exact_name() {
    let list = "GET https://dev.azure.com/acme/data/_apis/distributedtask/variablegroups?groupName=Prod&api-version=7.1";
    let mut alike = group(BEFORE);
    (alike["id"], alike["name"]) = (json!(11), json!("prod-eu"));
    let host = host();
    host.on(list, 200, json!({"count": 2, "value": [alike, group(BEFORE)]})).on(GET, 200, group(BEFORE));
    assert_eq!(observe(&host, sink(json!("Prod"))).unwrap().written, Written::By(BEFORE.parse().unwrap()));
    host.on(list, 200, json!({"count": 0, "value": []}));
    assert_eq!(observe(&host, sink(json!("Prod"))).unwrap_err().code(), Code::SinkNotFound);
    host.sent();
}

#[test]
fn a_variable_that_is_missing_or_plain_was_never_written() {
    for variable in [None, Some(json!({"value": "for all to read"}))] {
        let mut shown = group(BEFORE);
        let variables = shown["variables"].as_object_mut().unwrap();
        variables.remove("databricks_token");
        variables.extend(variable.map(|v| ("DATABRICKS_TOKEN".to_owned(), v)));
        let host = host();
        host.on(GET, 200, shown);
        assert_eq!(observe(&host, sink(json!(12))).unwrap().written, Written::Never);
    }
}

#[test]
fn a_group_that_cannot_be_written_without_harm_is_refused_before_a_credential_is_made() {
    let mut linked = group(BEFORE);
    linked["type"] = json!("AzureKeyVault");
    let mut elsewhere = group(BEFORE);
    elsewhere["variableGroupProjectReferences"] =
        json!([{"name": "prod", "projectReference": {"id": "p2", "name": "other"}}]);
    let mut blind = group(BEFORE);
    blind["variableGroupProjectReferences"] = json!(null);
    for (shown, code, words) in [
        (linked, Code::SinkRefused, "linked to a Key Vault"),
        (elsewhere, Code::SinkNotFound, "not in the project data, but in other"),
        (blind, Code::SinkRefused, "would lose them"),
        (json!(null), Code::SinkNotFound, "has no variable group 12"),
    ] {
        let host = host();
        host.on(GET, 200, shown);
        let error = observe(&host, sink(json!(12))).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn each_refusal_says_what_to_do() {
    for (status, body, code, hint) in [
        (401, json!({"message": "TF400813"}), Code::SinkPermissionMissing, "Organization settings > Users"),
        (
            403,
            json!({"message": "You need Use permissions"}),
            Code::SinkPermissionMissing,
            "Administrator of the variable group 12",
        ),
        (
            404,
            json!({"message": "TF200016: The following project does not exist: data.",
                "typeKey": "ProjectDoesNotExistWithNameException"}),
            Code::SinkNotFound,
            "deliver[0].project",
        ),
        (
            404,
            json!({"message": "Variable group 12 not found"}),
            Code::SinkNotFound,
            "the group may be in another project",
        ),
    ] {
        let host = host();
        host.on(GET, status, body);
        let error = observe(&host, sink(json!(12))).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
    let host = host();
    host.on_text(GET, 404, &[("content-type", "text/html")], "<html>The resource cannot be found</html>");
    assert!(
        observe(&host, sink(json!(12)))
            .unwrap_err()
            .hint()
            .contains("there is no organisation https://dev.azure.com/acme")
    );
    host.on_text(GET, 203, &[("content-type", "text/html")], "<html>Sign in</html>");
    assert_eq!(observe(&host, sink(json!(12))).unwrap_err().code(), Code::CredentialInvalid);
}

#[test]
fn the_organisation_may_be_that_of_the_endpoints() {
    let host = host();
    let endpoints = json!({"endpoints": {"azure-devops": "https://devops.example/tfs/Main"}});
    host.on(
        "GET https://devops.example/tfs/Main/data/_apis/distributedtask/variablegroups/12?api-version=7.1",
        200,
        group(BEFORE),
    )
    .on(
        "GET https://devops.example/tfs/acme/data/_apis/distributedtask/variablegroups/12?api-version=7.1",
        200,
        group(BEFORE),
    );
    let mut own = sink(json!(12));
    let named = own.clone();
    own.as_object_mut().unwrap().remove("organization");
    with(&host, &config(&host, endpoints.clone(), own), async |context, sink| {
        assert_eq!(sink.label(), "azure-devops-variable tfs/Main/data 12 DATABRICKS_TOKEN");
        sink.observe(context).await.unwrap();
    });
    with(&host, &config(&host, endpoints, named), async |context, sink| sink.observe(context).await).unwrap();
    host.sent();
}
