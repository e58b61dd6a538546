//! The requests that the receiver of webhooks was sent.

/// Describes one request that the receiver was sent.
#[derive(Debug, Clone)]
pub struct WebhookDelivery {
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it came, in milliseconds since 1970.
    pub at_ms: i64,
}

impl WebhookDelivery {
    /// Returns a header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
