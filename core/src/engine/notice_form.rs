//! A notice in the form of who gets it.
//!
//! No text of a service is markup in it: Slack and Teams show it as it is.

use serde_json::{Value, json};

use super::notable::Notable;
use crate::config::{NotifyKind, Occasion};

/// How many of them a message for people lists; it counts the rest.
const LISTED: usize = 10;

/// The longest text of one of them, in characters: Slack takes 3,000 a block, and Teams 28 KB a card.
const LONGEST: usize = 600;

/// Holds what a notice tells.
pub(super) struct Notice<'a> {
    pub(super) command: &'a str,
    pub(super) all: &'a [&'a Notable],
    /// The page of the job that ran, where there is one.
    pub(super) page: Option<&'a str>,
    pub(super) started: String,
    pub(super) finished: String,
}

impl Notice<'_> {
    /// Returns the body of the request.
    pub(super) fn body(&self, kind: NotifyKind) -> Value {
        match kind {
            NotifyKind::Slack => self.slack(),
            NotifyKind::Teams => self.teams(),
            NotifyKind::Webhook => json!({
                "version": 1,
                "command": self.command,
                "started": self.started,
                "finished": self.finished,
                "page": self.page,
                "summary": self.headline(),
                "events": self.all,
            }),
        }
    }

    /// Says how many there are of each, such as "lakekey rotate: 1 failed, 2 expiring".
    fn headline(&self) -> String {
        let of = |event: Occasion| self.all.iter().filter(|notable| notable.event == event).count();
        let counts: Vec<String> =
            [Occasion::Failed, Occasion::Overdue, Occasion::Expiring, Occasion::Rotated]
                .into_iter()
                .filter(|event| of(*event) > 0)
                .map(|event| format!("{} {}", of(event), event.as_str()))
                .collect();
        format!("lakekey {}: {}", self.command, counts.join(", "))
    }

    /// Returns a text for each of the first ones, and one that counts the rest.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.all.iter().take(LISTED).map(|notable| line(notable)).collect();
        if self.all.len() > LISTED {
            lines.push(format!("and {} more", self.all.len() - LISTED));
        }
        lines
    }

    /// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
    fn slack(&self) -> Value {
        let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
        let mut blocks = vec![json!({"type": "header", "text": plain(&self.headline())})];
        blocks.extend(self.lines().iter().map(|line| json!({"type": "section", "text": plain(line)})));
        if let Some(page) = self.page {
            let link = format!("<{}|the run>", escaped(page));
            blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]}));
        }
        json!({"text": escaped(&self.headline()), "blocks": blocks, "unfurl_links": false})
    }

    /// <https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook>
    fn teams(&self) -> Value {
        let block = |text: &str, weight: &str| json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, "weight": weight}]});
        let mut body = vec![block(&self.headline(), "Bolder")];
        body.extend(self.lines().iter().map(|line| block(line, "Default")));
        let actions: Vec<Value> = self
            .page
            .iter()
            .map(|page| json!({"type": "Action.OpenUrl", "title": "The run", "url": page}))
            .collect();
        json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": body,
                    "actions": actions,
                },
            }],
        })
    }
}

/// Says one of them to a person.
fn line(notable: &Notable) -> String {
    let mut text = format!("{}: {}", notable.target, notable.event.as_str());
    if let Some(step) = notable.step {
        text.push_str(&format!(" at {step}"));
    }
    text.push_str(&format!(". {}", notable.message));
    if let Some(code) = notable.code {
        text.push_str(&format!(" ({code})"));
    }
    if let Some(id) = &notable.request_id {
        text.push_str(&format!(" (request id {id})"));
    }
    if let Some(hint) = &notable.hint {
        text.push_str(&format!("\nWhat to do: {hint}"));
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
