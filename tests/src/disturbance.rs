//! What can happen to a request.

use http::Response;
use lakekey_emulator::World;
use serde_json::{Value, json};

/// Names one way in which a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// The process is killed before the request leaves.
    KilledBefore,
    /// The process is killed after the request was carried out.
    KilledAfter,
    /// The request is carried out and its reply is lost.
    ReplyLost,
    /// No connection is made.
    Refused,
    /// Another status is answered; carried out or not.
    Status(u16, RetryAfter, Done),
    /// The body breaks off in its middle.
    Truncated,
    /// The body is noise.
    Garbage(Done),
    /// A log-in page is answered with status 200.
    LoginPage(Done),
    /// The caller is sent elsewhere.
    Redirected(Done),
    /// More is answered than anybody reads.
    Huge,
    /// The reply never ends, and the time limit passes.
    NeverEnds,
    /// A read is answered from before the last write.
    Stale,
    /// The answer names another id than its own, one that belongs to somebody else.
    OtherId,
    /// A list is answered that is somebody else's.
    OthersList,
    /// An object is answered with status 200 that is a page by its content type.
    Page(Done),
}

/// Says whether a disturbed request was carried out all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was.
    Yes,
    /// It was not.
    No,
}

/// Says what a refusal asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing.
    Unsaid,
    /// To wait so many seconds.
    Seconds(u32),
    /// To wait until a date.
    Date,
}

impl Disturbance {
    /// Lists every disturbance of a read or a write.
    #[must_use]
    pub fn all(is_read: bool) -> Vec<Self> {
        use Done::{No, Yes};
        use RetryAfter::{Date, Seconds, Unsaid};
        let mut all = vec![Self::KilledBefore, Self::KilledAfter, Self::ReplyLost, Self::Refused];
        all.extend([400, 401, 403, 404, 409].map(|status| Self::Status(status, Unsaid, No)));
        all.extend([Unsaid, Seconds(2), Date].map(|after| Self::Status(429, after, No)));
        for status in [500, 502, 503, 504] {
            all.extend([No, Yes].map(|done| Self::Status(status, Unsaid, done)));
        }
        all.push(Self::Status(503, Seconds(2), No));
        all.push(Self::Truncated);
        for done in [No, Yes] {
            all.extend([Self::Garbage(done), Self::LoginPage(done), Self::Redirected(done)]);
        }
        all.extend([Self::Huge, Self::NeverEnds, Self::OtherId, Self::Page(Done::Yes), Self::Page(Done::No)]);
        if is_read {
            all.extend([Self::Stale, Self::OthersList]);
        }
        all
    }

    /// Returns true where the process ends with it.
    #[must_use]
    pub fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }

    /// Returns whether the request is carried out.
    #[must_use]
    pub fn is_done(self) -> bool {
        match self {
            Self::KilledBefore | Self::Refused => false,
            Self::Status(_, _, done)
            | Self::Garbage(done)
            | Self::LoginPage(done)
            | Self::Page(done)
            | Self::Redirected(done) => done == Done::Yes,
            _ => true,
        }
    }

    /// Returns the reply that comes in place of the service's own.
    #[must_use]
    pub fn reply(self, own: Response<Vec<u8>>, date: &str, others: &Others) -> Response<Vec<u8>> {
        let reply = |status: u16, kind: &str, body: &[u8]| {
            Response::builder()
                .status(status)
                .header("date", date)
                .header("content-type", kind)
                .body(body.to_vec())
                .unwrap()
        };
        match self {
            Self::Status(status, after, _) => {
                let mut reply =
                    reply(status, "application/json", br#"{"error_code":"DISTURBED","message":"disturbed"}"#);
                let value = match after {
                    RetryAfter::Unsaid => return reply,
                    RetryAfter::Seconds(seconds) => seconds.to_string(),
                    RetryAfter::Date => date.to_owned(),
                };
                reply.headers_mut().insert("retry-after", value.parse().unwrap());
                reply
            }
            Self::Truncated => {
                let (parts, body) = own.into_parts();
                let half = body.len() / 2;
                Response::from_parts(parts, body[..half].to_vec())
            }
            Self::Garbage(_) => reply(200, "application/json", &[0x00, 0xff, 0x7b, 0x9c, 0x22]),
            Self::LoginPage(_) => {
                reply(200, "text/html", b"<!DOCTYPE html><html><body>Sign in to your account</body></html>")
            }
            Self::Page(_) => reply(200, "text/html", b"{}"),
            Self::OtherId => others.renamed(own),
            Self::OthersList => others.listed(own),
            Self::Redirected(_) => {
                let mut reply = reply(302, "text/html", b"");
                reply
                    .headers_mut()
                    .insert("location", "https://login.elsewhere.example/sign-in?next=1".parse().unwrap());
                reply
            }
            _ => own,
        }
    }
}

/// Holds what belongs to somebody else, with which answers are falsified.
#[derive(Debug, Default)]
pub struct Others {
    token: String,
    application: String,
    tokens: Value,
}

impl Others {
    /// Reads a token and the list of a person, and the id of another application.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let theirs = |owner: &str| owner != world.seeded.client_id && owner.contains('@');
        let tokens: Vec<_> =
            world.workspaces.iter().flat_map(|w| &w.tokens).filter(|t| theirs(&t.owner)).collect();
        Self {
            token: tokens.first().map(|token| token.id.clone()).unwrap_or_default(),
            application: world.seeded.directory_client_id.clone(),
            tokens: tokens
                .iter()
                .map(|t| {
                    json!({"token_id": t.id, "comment": t.comment, "creation_time": t.created_ms,
                        "expiry_time": t.expiry_ms})
                })
                .collect(),
        }
    }

    fn renamed(&self, own: Response<Vec<u8>>) -> Response<Vec<u8>> {
        changed(own, &|name, value| match name {
            "token_id" => *value = json!(self.token),
            "applicationId" | "userName" | "appId" => *value = json!(self.application),
            _ => {}
        })
    }

    fn listed(&self, own: Response<Vec<u8>>) -> Response<Vec<u8>> {
        changed(own, &|name, value| {
            if name == "token_infos" {
                *value = self.tokens.clone();
            }
        })
    }
}

/// Changes values of a JSON body by their names, wherever they stand; a body of another kind stays.
fn changed(own: Response<Vec<u8>>, change: &dyn Fn(&str, &mut Value)) -> Response<Vec<u8>> {
    fn walk(value: &mut Value, change: &dyn Fn(&str, &mut Value)) {
        match value {
            Value::Object(map) => map.iter_mut().for_each(|(name, value)| {
                walk(value, change);
                change(name, value);
            }),
            Value::Array(list) => list.iter_mut().for_each(|value| walk(value, change)),
            _ => {}
        }
    }
    let (parts, body) = own.into_parts();
    let Ok(mut value) = serde_json::from_slice(&body) else { return Response::from_parts(parts, body) };
    walk(&mut value, change);
    Response::from_parts(parts, value.to_string().into_bytes())
}
