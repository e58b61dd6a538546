//! JSON web tokens: reading and verifying what a client presents.
//!
//! See [RFC 7515](https://www.rfc-editor.org/rfc/rfc7515) and
//! [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature as Pkcs1Signature, VerifyingKey as Pkcs1VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::pss::{Signature as PssSignature, VerifyingKey as PssVerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;
use sha2::Sha256;

/// A token taken apart, its signature not yet verified.
#[derive(Debug, Clone)]
pub(crate) struct Jwt {
    /// The header, such as `{"alg":"RS256","kid":"…"}`.
    pub(crate) header: Value,
    /// The claims.
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    /// Reads a compact token; `None` if it is not three parts of unpadded base64url with JSON objects in the
    /// first two.
    pub(crate) fn read(compact: &str) -> Option<Self> {
        let mut parts = compact.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let object = |part: &str| -> Option<Value> {
            let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
            value.is_object().then_some(value)
        };
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed: format!("{header}.{claims}"),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Returns a string of the header.
    pub(crate) fn header_str(&self, name: &str) -> &str {
        self.header.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a claim that is a string, or the empty string.
    pub(crate) fn claim_str(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a claim that is a time, in seconds since the epoch.
    pub(crate) fn claim_seconds(&self, name: &str) -> Option<i64> {
        let value = self.claims.get(name)?;
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))
    }

    /// Returns the audiences: `aud` may be one string or several.
    pub(crate) fn audiences(&self) -> Vec<String> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => {
                many.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Verifies the signature with a public key and the algorithm that the header names: RS256 or PS256,
    /// nothing else.
    pub(crate) fn is_signed_by(&self, key: &RsaPublicKey) -> bool {
        let signed = self.signed.as_bytes();
        match self.header_str("alg") {
            "RS256" => Pkcs1Signature::try_from(self.signature.as_slice()).is_ok_and(|signature| {
                Pkcs1VerifyingKey::<Sha256>::new(key.clone()).verify(signed, &signature).is_ok()
            }),
            "PS256" => PssSignature::try_from(self.signature.as_slice()).is_ok_and(|signature| {
                PssVerifyingKey::<Sha256>::new(key.clone()).verify(signed, &signature).is_ok()
            }),
            _ => false,
        }
    }

    /// Verifies the signature against a JWKS document, picking the key by `kid` as an identity provider does.
    pub(crate) fn is_signed_under(&self, jwks: &Value) -> bool {
        let kid = self.header_str("kid");
        let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        keys.iter()
            .filter(|key| key.get("kid").and_then(Value::as_str) == Some(kid))
            .filter_map(public_key)
            .any(|key| self.is_signed_by(&key))
    }
}

fn public_key(jwk: &Value) -> Option<RsaPublicKey> {
    let number =
        |name: &str| Some(BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok()?));
    RsaPublicKey::new(number("n")?, number("e")?).ok()
}

/// Verifies a token's signature with a DER `SubjectPublicKeyInfo`.
pub(crate) fn is_signed_by_spki(token: &Jwt, spki: &[u8]) -> bool {
    RsaPublicKey::from_public_key_der(spki).is_ok_and(|key| token.is_signed_by(&key))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signing::IssuerKey;

    #[test]
    fn a_token_verifies_under_the_published_keys_until_a_claim_is_changed() {
        let key = IssuerKey::shared();
        let compact = key.sign(&json!({"sub": "repo:acme/data:ref:refs/heads/main"}));
        assert!(Jwt::read(&compact).unwrap().is_signed_under(&key.jwks()));

        let mut parts: Vec<String> = compact.split('.').map(str::to_owned).collect();
        parts[1] = URL_SAFE_NO_PAD.encode(json!({"sub": "repo:acme/other:ref:refs/heads/main"}).to_string());
        assert!(!Jwt::read(&parts.join(".")).unwrap().is_signed_under(&key.jwks()));
    }

    #[test]
    fn an_unsigned_token_is_never_taken_for_a_signed_one() {
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode(r#"{"sub":"x"}"#)
        );
        assert!(!Jwt::read(&none).unwrap().is_signed_under(&IssuerKey::shared().jwks()));
    }
}
