//! JSON web tokens: the process's own RSA key, signing with it, and reading and verifying what a client
//! presents.
//!
//! See [RFC 7515](https://www.rfc-editor.org/rfc/rfc7515) and [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1v15::{Signature as Pkcs1Signature, SigningKey, VerifyingKey as Pkcs1VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::pss::{Signature as PssSignature, VerifyingKey as PssVerifyingKey};
use rsa::signature::{SignatureEncoding as _, Signer as _, Verifier as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate as X509;
use x509_cert::der::{Decode as _, DecodePem as _, Encode as _};

use crate::directory::Certificate;

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

/// The RSA key that the emulated issuers sign with.
#[derive(Debug)]
pub(crate) struct IssuerKey {
    private: RsaPrivateKey,
    kid: String,
}

impl IssuerKey {
    /// Returns the process's key, made when it is first needed: that takes a second or two without
    /// optimisation.
    pub(crate) fn shared() -> &'static Self {
        static KEY: OnceLock<IssuerKey> = OnceLock::new();
        KEY.get_or_init(Self::generate)
    }

    fn generate() -> Self {
        // Generation fails only where an exponent does not suit the primes: then the next primes do.
        let private = loop {
            if let Ok(key) = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048) {
                break key;
            }
        };
        let kid = URL_SAFE_NO_PAD.encode(&Sha256::digest(private.n().to_bytes_be())[..15]);
        Self { private, kid }
    }

    /// Signs claims as RS256 and returns the compact token.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_under(&json!({"alg": "RS256", "typ": "JWT", "kid": self.kid, "x5t": self.kid}), claims)
    }

    /// Signs claims under a header that says RS256.
    pub(crate) fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = SigningKey::<Sha256>::new(self.private.clone()).sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// Returns the public half.
    #[cfg(test)]
    pub(crate) fn public(&self) -> RsaPublicKey {
        self.private.to_public_key()
    }

    /// Returns the JWKS document that publishes the public half.
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "x5t": self.kid,
            "n": URL_SAFE_NO_PAD.encode(self.private.n().to_bytes_be()),
            "e": URL_SAFE_NO_PAD.encode(self.private.e().to_bytes_be()),
        }]})
    }
}

/// Verifies a token's signature with a DER `SubjectPublicKeyInfo`.
pub(crate) fn is_signed_by_spki(token: &Jwt, spki: &[u8]) -> bool {
    RsaPublicKey::from_public_key_der(spki).is_ok_and(|key| token.is_signed_by(&key))
}

/// Reads a certificate in PEM, or in DER as standard base64 (as Graph's `keyCredentials` take it); `None` if
/// it is neither.
pub(crate) fn read_certificate(text: &str) -> Option<Certificate> {
    let certificate = match text.find(BEGIN) {
        // A key may stand in the same file, as the Azure SDKs want it.
        Some(from) => {
            let to = from + text[from..].find(END)? + END.len();
            X509::from_pem(&text[from..to]).ok()?
        }
        None => X509::from_der(&STANDARD.decode(text.trim()).ok()?).ok()?,
    };
    let der = certificate.to_der().ok()?;
    let public_key = certificate.tbs_certificate.subject_public_key_info.to_der().ok()?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_millis();
    Some(Certificate {
        key_id: String::new(),
        thumbprint: Sha256::digest(&der).to_vec(),
        thumbprint_sha1: Sha1::digest(&der).to_vec(),
        public_key,
        end_ms: i64::try_from(end).ok()?,
    })
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

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
    fn a_certificate_is_read_as_pem_and_as_der_alike() {
        let read = read_certificate(CERTIFICATE).unwrap();
        let der: String = CERTIFICATE.lines().filter(|line| !line.starts_with("-----")).collect();
        let again = read_certificate(&der).unwrap();
        assert_eq!(
            crate::call::hex(&read.thumbprint),
            "a5754a4d51be9b3988a8b4a9a518cd434bc5d20ad2342a5adce18c5878604d92"
        );
        assert_eq!((read.thumbprint_sha1.len(), &read.public_key), (20, &again.public_key));
        assert!(read_certificate("no certificate").is_none());
    }

    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIDETCCAfmgAwIBAgIUdxUJDhkDpiHhPnbmqPdPeNevuFowDQYJKoZIhvcNAQEL
BQAwFzEVMBMGA1UEAwwMbGFrZWtleSB0ZXN0MCAXDTI2MTEyNTAxMjk0MFoYDzIx
MjYxMTAxMDEyOTQwWjAXMRUwEwYDVQQDDAxsYWtla2V5IHRlc3QwggEiMA0GCSqG
SIb3DQEBAQUAA4IBDwAwggEKAoIBAQDOE+SrajH5iYOGUmQPIkS+KIblwtPHcTTb
yjtCuFmoYhrMihKty4jUvzkgIzS/9di0PVaBwc2GxHJ8Q7hqBfwxj846h/kRxEQA
5cySNZe0X1ApTJqpZQzRt1Sr0nJ8ZsjAgXXefzUKTNIZaD2m0UqyMBHY3tuONwjn
LrpxwdjwtvGShv5UcFxQWNOKAJVqNU6YEiXrDXWScBxyUoWda0hoQkcq2fV8dBkb
Osrixw78i5aGxgVGFIy2Au976Qa1GkpD+tHBUDjnMAmez6qt6zftXF5GIKM0Mz5c
/opzXl40g9em9DoXRwYhR6PWNfL08SfiUF1JvC912KClO9IJNUftAgMBAAGjUzBR
MB0GA1UdDgQWBBQq6QVGujWZMM2oKIcl7tdNRef5gzAfBgNVHSMEGDAWgBQq6QVG
ujWZMM2oKIcl7tdNRef5gzAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUA
A4IBAQCaIXa11DlinFnfS5F1Lv5cCwbZbFcicq0+KiO0UMaF3hHmTGuKJ4hvnJT5
ArWspqjlW8BKMvqKAxRsfW+UfAUfkcg5hjAJAeVp+LgFtu6h3LDh7H3wbyW9+q0I
WDkOrZcLxW7CyA8oZwi9N9B5vRUrZAKmm0rsVRoH06KeESrZIbUEsKBc0UA57FIR
Byxkx9JnHNtACVs1nvI0w4esR56z7rdBEO7tXwG8oMIJlL4cB4YjqHOTxji45XG4
2pc2Vy0mn+AdWg3jqYYg3J7c0SpPYaB6OIdCfQXfIKD4SyrlJO2l6FAlR4TwXe31
leRTyJJCBao/yJ+7+qMY/fBtB1ZI
-----END CERTIFICATE-----
";

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
