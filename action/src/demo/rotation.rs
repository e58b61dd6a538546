//! An application that exists, from its first PAT through a rotation and the emergency brake to a fresh one.

use std::rc::Rc;

use lakekey_core::{Command, Outcome, Revocation};

use super::expectation::{Broken, expect, id_of};
use super::stage::Stage;
use crate::console::Console;
use crate::report_text as text;

/// A story has one target, of which everything is told.
const ALL: text::Telling = text::Telling { all: true, steps: true };

/// Tells the story.
pub(super) async fn tell(console: &Rc<Console>) -> Result<(), Broken> {
    let stage = Stage::raise(console).await?;
    let config = stage.written_config()?;
    let workspace = stage.ready().workspaces.first().cloned().unwrap_or_default();
    stage.tell("lakekey against an emulated Entra ID, Databricks workspace and GitHub, all on this machine.");
    stage.tell(&format!(
        "The workspace is {workspace}; the PAT goes to the secret DATABRICKS_TOKEN of acme/data."
    ));

    stage.chapter(
        1,
        "Nothing is there: the application exists, and the workspace does not know it.",
        "doctor",
    );
    let report = stage.run(&config, Command::Doctor).await?;
    stage.say(&indented(&text::report(&report, stage.look(), ALL)));

    stage.chapter(2, "Provision: make it able to use tokens, and deliver a first PAT.", "provision");
    let report = stage.run(&config, Command::Provision).await?;
    expect(&report, Outcome::Provisioned)?;
    let first = id_of(&report);
    stage.say(&format!("   PAT {} {}", text::short(&first), stage.try_out(&workspace, &first).await));

    stage.chapter(3, "Rotate at once: nothing is due, so nothing is done.", "rotate");
    expect(&stage.run(&config, Command::Rotate { force: false }).await?, Outcome::NotDue)?;
    stage.say("   not due");

    stage.chapter(4, "62 days pass.", "");
    stage.pass_days(62);

    stage.chapter(5, "Rotate: it is due. Make, verify, deliver, read back, and only then revoke.", "rotate");
    let report = stage.run(&config, Command::Rotate { force: false }).await?;
    expect(&report, Outcome::Rotated)?;
    let second = id_of(&report);

    stage.chapter(6, "What works now.", "");
    stage.say(&format!("   the old PAT {} {}", text::short(&first), stage.try_out(&workspace, &first).await));
    stage.say(&format!(
        "   the new PAT {} {}",
        text::short(&second),
        stage.try_out(&workspace, &second).await
    ));

    stage.chapter(7, "Where everything stands.", "status");
    let report = stage.run(&config, Command::Status).await?;
    expect(&report, Outcome::Ok)?;
    stage.say(&indented(&text::report(&report, stage.look(), ALL)));

    stage.chapter(8, "The emergency brake revokes everything.", "revoke --target catalog-prod --all --yes");
    expect(&stage.run(&config, Command::Revoke(Revocation::All)).await?, Outcome::Revoked)?;
    stage.say(&format!(
        "   the new PAT {} {}",
        text::short(&second),
        stage.try_out(&workspace, &second).await
    ));

    stage.chapter(9, "And the next run of the schedule puts a fresh one in its place.", "rotate");
    expect(&stage.run(&config, Command::Rotate { force: false }).await?, Outcome::Rotated)?;
    let report = stage.run(&config, Command::Status).await?;
    expect(&report, Outcome::Ok)?;
    stage.say(&format!("\n{}", indented(&text::report(&report, stage.look(), ALL))));
    scopes(&stage, &workspace).await
}

/// Tells of a PAT that Databricks narrows, and of one that it does not.
async fn scopes(stage: &Stage<'_>, workspace: &str) -> Result<(), Broken> {
    let title = "`scopes: auto` has Databricks watch a PAT and take away what it did not use.";
    stage.chapter(10, title, "rotate --force");
    let watched = stage.config_with_scopes("auto")?;
    let report = stage.run(&watched, Command::Rotate { force: true }).await?;
    expect(&report, Outcome::Rotated)?;
    let id = id_of(&report);
    let asked = stage.ask(workspace, &id, "sql/warehouses").await;
    stage.say(&format!("   asked for the SQL warehouses, the PAT {asked}"));

    stage.chapter(11, "24 days later it is seen in time.", "status --fail-on narrowing");
    stage.pass_days(24);
    let report = stage.run(&watched, Command::Status).await?;
    stage.say(&indented(&text::report(&report, stage.look(), ALL)));

    stage.chapter(
        12,
        "What it needs once a quarter is written down: `scopes: [sql, secrets]`.",
        "rotate --force",
    );
    let chosen = stage.config_with_scopes("[sql, secrets]")?;
    let report = stage.run(&chosen, Command::Rotate { force: true }).await?;
    expect(&report, Outcome::Rotated)?;
    let id = id_of(&report);

    stage.chapter(13, "A month later it may do the same.", "status");
    stage.pass_days(31);
    for (what, path) in [("the SQL warehouses", "sql/warehouses"), ("the secrets", "secrets/scopes/list")] {
        let asked = stage.ask(workspace, &id, path).await;
        stage.say(&format!("   asked for {what}, the PAT {asked}"));
    }
    let report = stage.run(&chosen, Command::Status).await?;
    expect(&report, Outcome::Ok)?;
    stage.say(&format!("\n{}", indented(&text::report(&report, stage.look(), ALL))));
    Ok(())
}

/// Moves a text to the right, below the command that printed it.
fn indented(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("   {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}
