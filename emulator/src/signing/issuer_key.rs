//! The RSA key of the emulated issuers, with which they sign identity tokens.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

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

    /// Makes a token like a signed one, with a text in the place of its signature.
    pub(crate) fn unsigned(&self, claims: &Value, signature: &str) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.kid, "x5t": self.kid});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", part(&header), part(claims))
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
    pub(crate) fn public(&self) -> rsa::RsaPublicKey {
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
