//! What can happen to a request.

use http::Response;

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
        all.extend([Self::Huge, Self::NeverEnds]);
        if is_read {
            all.push(Self::Stale);
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
            | Self::Redirected(done) => done == Done::Yes,
            _ => true,
        }
    }

    /// Returns the reply that comes in place of the service's own.
    #[must_use]
    pub fn reply(self, own: Response<Vec<u8>>, date: &str) -> Response<Vec<u8>> {
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
