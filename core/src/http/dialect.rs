//! How a service says no.
//!
//! Each service lists beside its client what its refusals mean, in a table: a status, the service's own
//! reason code, a phrase of what it says. The table is read from top to bottom, and the first line that fits
//! decides. What no line says follows from the status alone.

use std::time::Duration;

use serde_json::Value;

use crate::host::Response;
use crate::model::{Code, Error, Origin, Step, Temporary, Timestamp, one_line};

/// Describes a service: its name in messages, and how it says no.
pub struct Dialect {
    pub(crate) name: &'static str,
    rules: &'static [Rule],
    read: fn(&Response) -> Said,
    wait: fn(&Answered<'_>) -> Option<Duration>,
    /// What to do where it answers with a redirect.
    redirected: Option<&'static str>,
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Dialect {
    /// Makes the dialect of a service whose refusals have one of the usual shapes.
    #[must_use]
    pub(crate) const fn new(name: &'static str, rules: &'static [Rule]) -> Self {
        Self { name, rules, read: Said::read, wait: |answered| answered.retry_after(), redirected: None }
    }

    /// Makes the dialect of a user's own service: every refusal is one of the place of delivery.
    #[must_use]
    pub const fn plain(name: &'static str) -> Self {
        const RULES: &[Rule] = &[statuses(400, 599).means(Code::SinkRefused)];
        Self::new(name, RULES)
    }

    /// Reads what is said in another way.
    pub(crate) const fn read_by(mut self, read: fn(&Response) -> Said) -> Self {
        self.read = read;
        self
    }

    /// Says what to do where it answers with a redirect.
    pub(crate) const fn redirected(mut self, hint: &'static str) -> Self {
        self.redirected = Some(hint);
        self
    }

    /// Asks for patience in another way.
    pub(crate) const fn waiting_by(mut self, wait: fn(&Answered<'_>) -> Option<Duration>) -> Self {
        self.wait = wait;
        self
    }

    /// Judges a response; `None` means success.
    pub(super) fn judge(&self, asked: &Asked<'_>, response: &Response, now: Timestamp) -> Option<Error> {
        let success = matches!(response.status, 200..=299)
            && !self.rules.iter().any(|rule| rule.from == response.status && rule.to == response.status);
        if success {
            return None;
        }
        let said = (self.read)(response);
        let redirect = matches!(response.status, 300..=399);
        let answered = Answered { response, said: &said, now };
        let line = self.rules.iter().find(|rule| rule.means.is_some() && rule.fits(&answered));
        if redirect && asked.redirect && line.is_none() {
            return None;
        }
        let code = line.and_then(|rule| rule.means).unwrap_or(match response.status {
            300..=399 => Code::Redirected,
            429 => Code::RateLimited,
            500.. => Code::ServiceUnavailable,
            _ => Code::Refused,
        });
        let temporary =
            self.rules.iter().find_map(|rule| rule.temporary.filter(|_| rule.fits(&answered))).unwrap_or(
                match response.status {
                    429 | 500 | 502 | 503 | 504 => Temporary::Yes,
                    _ => Temporary::No,
                },
            );
        let what = match (line.and_then(|rule| rule.tells), redirect, said.message.as_str()) {
            (Some(words), _, _) => words.to_owned(),
            (None, true, place) => {
                format!("{self} answered with a redirect to \"{place}\", which is not followed")
            }
            (None, false, "") => format!("{self} answered {} without a reason", response.status),
            (None, false, words) => format!("{self} answered {}: {words}", response.status),
        };
        let mut error = Error::new(code, asked.step, what)
            .with_status(response.status)
            .with_said(&said.message)
            .with_request_id(request_id(response).or_else(|| said.request_id.clone()))
            .with_temporary(temporary)
            .with_wait(if temporary == Temporary::Yes { (self.wait)(&answered) } else { None })
            // A refusal with 4xx is definite; after a 5xx nobody knows what was done, and what answers with a
            // redirect in the service's place may have passed the request on first.
            .with_uncertainty(response.status >= 500 || code == Code::Redirected)
            // A gateway speaks for a service that has not answered.
            .with_admission(matches!(response.status, 500 | 501 | 503));
        let hint = line.and_then(|rule| rule.hint);
        if let Some(hint) = hint.or(self.redirected.filter(|_| redirect && line.is_none())) {
            error = error.with_hint(hint.replace("{origin}", asked.origin.as_str()));
        }
        Some(error.with_reason(said.reason))
    }
}

/// Says what was asked of a service, as far as its answer is judged by it.
pub(super) struct Asked<'a> {
    pub(super) step: Step,
    pub(super) origin: &'a Origin,
    /// Whether a redirect is the answer that is wanted.
    pub(super) redirect: bool,
}

/// Is one line of a table: what a refusal looks like, and what it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    from: u16,
    to: u16,
    reasons: &'static [&'static str],
    phrases: &'static [&'static str],
    also: &'static [&'static str],
    exactly: Option<&'static str>,
    means: Option<Code>,
    tells: Option<&'static str>,
    hint: Option<&'static str>,
    temporary: Option<Temporary>,
    page: bool,
}

/// Begins a line for a status.
pub(crate) const fn status(status: u16) -> Rule {
    statuses(status, status)
}

/// Begins a line for the statuses from one to another.
pub(crate) const fn statuses(from: u16, to: u16) -> Rule {
    Rule {
        from,
        to,
        reasons: &[],
        phrases: &[],
        also: &[],
        exactly: None,
        means: None,
        tells: None,
        hint: None,
        temporary: None,
        page: false,
    }
}

/// Begins a line for refusals of any status that give one of those reason codes.
pub(crate) const fn reason(reasons: &'static [&'static str]) -> Rule {
    statuses(400, 599).for_reason(reasons)
}

/// Begins a line for refusals of any status whose words hold one of those codes, in lower case.
pub(crate) const fn named(codes: &'static [&'static str]) -> Rule {
    statuses(400, 599).naming(codes)
}

/// Begins a line for refusals of any status that hold one of those phrases, in lower case.
pub(crate) const fn said(phrases: &'static [&'static str]) -> Rule {
    statuses(400, 599).saying(phrases)
}

/// Counts the spaces of a phrase.
const fn spaces(phrase: &str) -> usize {
    let (bytes, mut index, mut count) = (phrase.as_bytes(), 0, 0);
    while index < bytes.len() {
        if bytes[index] == b' ' {
            count += 1;
        }
        index += 1;
    }
    count
}

impl Rule {
    /// Asks for one of those reason codes too.
    pub(crate) const fn for_reason(mut self, reasons: &'static [&'static str]) -> Self {
        self.reasons = reasons;
        self
    }

    /// Asks for one of those phrases too, in lower case; each has three words at least, since a name that the
    /// service repeats may hold one or two.
    pub(crate) const fn saying(mut self, phrases: &'static [&'static str]) -> Self {
        let mut index = 0;
        while index < phrases.len() {
            assert!(spaces(phrases[index]) >= 2, "a name may hold so few words");
            index += 1;
        }
        self.phrases = phrases;
        self
    }

    /// Asks for one of those codes too, which the service writes into its words, in lower case.
    pub(crate) const fn naming(mut self, codes: &'static [&'static str]) -> Self {
        self.phrases = codes;
        self
    }

    /// Asks for one of those phrases besides, in lower case.
    pub(crate) const fn saying_also(mut self, phrases: &'static [&'static str]) -> Self {
        self.also = phrases;
        self
    }

    /// Asks for those words and no others.
    pub(crate) const fn saying_exactly(mut self, words: &'static str) -> Self {
        self.exactly = Some(words);
        self
    }

    /// Asks for a web page instead of an answer of an API.
    pub(crate) const fn page(mut self) -> Self {
        self.page = true;
        self
    }

    /// Says what it means.
    pub(crate) const fn means(mut self, code: Code) -> Self {
        self.means = Some(code);
        self
    }

    /// Tells it in other words than the service's.
    pub(crate) const fn tells(mut self, words: &'static str) -> Self {
        self.tells = Some(words);
        self
    }

    /// Says what to do; `{origin}` stands for the address that was called.
    pub(crate) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Says that the same request may succeed later.
    pub(crate) const fn passing(mut self) -> Self {
        self.temporary = Some(Temporary::Yes);
        self
    }

    /// Says that the same request may succeed once what was made moments ago is known everywhere.
    pub(crate) const fn propagating(mut self) -> Self {
        self.temporary = Some(Temporary::Propagation);
        self
    }

    /// Says that the same request will be refused again.
    pub(crate) const fn lasting(mut self) -> Self {
        self.temporary = Some(Temporary::No);
        self
    }

    fn fits(&self, answered: &Answered<'_>) -> bool {
        let is =
            |known: &&str| answered.said.reason.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(known));
        (self.from..=self.to).contains(&answered.response.status)
            && (!self.page || is_html(answered.response))
            && (self.reasons.is_empty() || self.reasons.iter().any(is))
            && (self.phrases.is_empty() || self.phrases.iter().any(|phrase| answered.says(phrase)))
            && (self.also.is_empty() || self.also.iter().any(|phrase| answered.says(phrase)))
            && self.exactly.is_none_or(|words| answered.said.message == words)
    }
}

/// Holds a refusal and what was read of it.
pub(crate) struct Answered<'a> {
    pub(crate) response: &'a Response,
    pub(crate) said: &'a Said,
    pub(crate) now: Timestamp,
}

impl Answered<'_> {
    /// Returns true where a phrase, in lower case, stands in what the service said.
    pub(crate) fn says(&self, phrase: &str) -> bool {
        self.said.message.to_lowercase().contains(phrase)
    }

    /// Returns how long a limit or an outage asks to be left alone; a second where a limit names no time.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self.response.status {
            429 => self.named_wait().or(Some(Duration::from_secs(1))),
            503 => self.named_wait(),
            _ => None,
        }
    }

    /// Reads `Retry-After`, which is a number of seconds or a date.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>
    pub(crate) fn named_wait(&self) -> Option<Duration> {
        let text = self.response.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let date = Timestamp::from_http_date(text)?;
        // The date is by the service's clock, which the same response tells.
        let there = self.response.header("date").and_then(Timestamp::from_http_date).unwrap_or(self.now);
        Some(there.until(date))
    }
}

/// Holds what a refusal says, whatever its shape.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The service's own code for it.
    pub(crate) reason: Option<String>,
    /// What it says in words.
    pub(crate) message: String,
    /// The id under which the service knows the request.
    pub(crate) request_id: Option<String>,
}

impl Said {
    /// Reads the usual shapes: a redirect, JSON of six kinds, `CODE: message`, a web page.
    pub(crate) fn read(response: &Response) -> Self {
        if matches!(response.status, 300..=399) {
            return Self::redirect(response.header("location").unwrap_or_default());
        }
        let text = String::from_utf8_lossy(&response.body);
        match serde_json::from_str::<Value>(&text) {
            Ok(body) => Self::json(&body),
            Err(_) => Self::text(&text, response),
        }
    }

    /// Reads what a redirect tells by its place. The query may carry a token of the session; host and path
    /// say enough, and the name of an error is none.
    fn redirect(location: &str) -> Self {
        let (place, rest) = location.split_once(['?', '#']).unwrap_or((location, ""));
        // A page of a single script has its query behind the `#`.
        let mut pairs = rest.split(['?', '#', '&']).flat_map(|pair| form_urlencoded::parse(pair.as_bytes()));
        let error = pairs.find(|(name, _)| name == "error");
        // More may follow the name, such as the id of a workspace.
        let reason = error.map(|(_, value)| one_line(value.split(':').next().unwrap_or_default()));
        Self { reason, message: one_line(place), request_id: None }
    }

    /// Reads a body that is no JSON; where it is empty a header may say it.
    fn text(text: &str, response: &Response) -> Self {
        let phrase = response.header("x-databricks-reason-phrase").filter(|_| text.trim().is_empty());
        // JSON that breaks off may hold anything, a value that was just made too.
        let is_broken = text.trim_start_matches(['\u{feff}', ')', ']', '}', '\'', ',', ';']).trim_start();
        let message = match is_broken.starts_with(['{', '[', '"']) {
            true => "a body that looks like JSON and is none, which is not shown".to_owned(),
            false => phrase.map_or_else(|| plain(text), one_line),
        };
        Self { reason: leading_code(&message).map(str::to_owned), message, request_id: None }
    }

    /// Reads a JSON body.
    pub(crate) fn json(body: &Value) -> Self {
        // Graph and Key Vault nest: {"error": {"code", "message", "innererror"}}.
        let nested = body.get("error").filter(|error| error.is_object());
        let inner = nested.and_then(|error| error.get("innererror").or_else(|| error.get("innerError")));
        let first = |places: &[Option<&Value>]| places.iter().copied().flatten().find_map(text_of);
        let reason = first(&[
            nested.and_then(|error| error.get("code")),
            body.get("error_code"),
            body.get("typeKey"),
            body.get("error"),
            body.get("scimType"),
        ]);
        let message = first(&[
            nested.and_then(|error| error.get("message")),
            body.get("error_description"),
            body.get("message"),
            body.get("detail"),
            body.get("value"),
            body.get("error"),
        ]);
        Self {
            reason: reason.map(|reason| one_line(&reason)),
            message: one_line(&message.unwrap_or_default()),
            request_id: first(&[body.get("trace_id"), inner.and_then(|inner| inner.get("request-id"))])
                .map(|id| one_line(&id)),
        }
    }
}

/// Returns a text, or a number as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Takes the sentence out of a body that is no JSON: the words alone, or a web page with them in `<pre>` or
/// in
/// `<title>`.
fn plain(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let between = |open: &str, close: &str| {
        let start = lower.find(open)? + open.len();
        let end = start + lower[start..].find(close)?;
        Some(one_line(text.get(start..end)?.trim())).filter(|words| !words.is_empty())
    };
    if !text.trim_start().starts_with('<') {
        return one_line(text);
    }
    between("<pre>", "</pre>")
        .or_else(|| between("<title>", "</title>"))
        .unwrap_or_else(|| "a web page".to_owned())
}

/// Takes the reason out of `CODE: message`.
fn leading_code(text: &str) -> Option<&str> {
    let (code, _) = text.split_once(": ")?;
    let is_code =
        code.len() > 3 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    is_code.then_some(code)
}

/// Returns the id under which the service knows the request.
pub(super) fn request_id(response: &Response) -> Option<String> {
    [
        "x-request-id",
        "x-databricks-request-id",
        "x-ms-request-id",
        "request-id",
        "x-github-request-id",
        "x-vss-e2eid",
        "activityid",
    ]
    .into_iter()
    .find_map(|name| response.header(name))
    .map(one_line)
}

/// Returns true where a body is a web page.
pub(super) fn is_html(response: &Response) -> bool {
    response.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
        || response.body.trim_ascii_start().starts_with(b"<")
}

/// Returns true where a body is JSON by its content type, such as `application/scim+json; charset=utf-8`.
pub(super) fn is_json(response: &Response) -> bool {
    response.header("content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind.ends_with("/json") || kind.ends_with("+json")
    })
}
