//! The sealed box in which GitHub takes a secret's value.
//!
//! <https://docs.github.com/rest/guides/encrypting-secrets-for-the-rest-api>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::rand_core::{CryptoRng, Error as RngError, RngCore};

use crate::host::Entropy;
use crate::model::{Code, Error, Secret, Step};

/// Seals a value for the one who holds the private key: X25519 and XSalsa20-Poly1305 as in libsodium, in
/// standard base64.
///
/// # Errors
/// `reply-invalid` where the public key is not 32 bytes in base64.
pub fn seal(public_key_base64: &str, value: &Secret, entropy: &dyn Entropy) -> Result<String, Error> {
    let wrong = || {
        Error::new(
            Code::ReplyInvalid,
            Step::Deliver,
            "the public key to seal the secret for is not 32 bytes in base64",
        )
        .with_hint("the key is that of `GET …/secrets/public-key`; something may answer in GitHub's place")
    };
    let key = STANDARD.decode(public_key_base64.trim()).map_err(|_| wrong())?;
    let key: [u8; 32] = key.try_into().map_err(|_| wrong())?;
    let sealed = PublicKey::from(key)
        .seal(&mut HostRng(entropy), value.expose("the sealed box that only GitHub can open").as_bytes())
        .map_err(|_| Error::new(Code::Internal, Step::Deliver, "the value could not be sealed"))?;
    Ok(STANDARD.encode(sealed))
}

/// Gives the host's randomness in the form that the RustCrypto crates take.
pub(crate) struct HostRng<'a>(pub(crate) &'a dyn Entropy);

impl RngCore for HostRng<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RngError> {
        self.0.fill(buffer);
        Ok(())
    }
}

// `Entropy` promises a cryptographically secure source.
impl CryptoRng for HostRng<'_> {}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    struct Counting(std::cell::Cell<u8>);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                self.0.set(self.0.get().wrapping_add(1));
                *byte = self.0.get();
            }
        }
    }

    #[test]
    fn only_the_private_key_opens_what_was_sealed() {
        let private = crypto_box::SecretKey::from([7; 32]);
        let public = STANDARD.encode(private.public_key().as_bytes());
        let sealed = seal(&public, &Secret::new("dapi-value"), &Counting(0.into())).unwrap();
        let sealed = STANDARD.decode(sealed).unwrap();
        assert_eq!(sealed.len(), "dapi-value".len() + 48);
        assert_eq!(private.unseal(&sealed).unwrap(), b"dapi-value");
        assert!(crypto_box::SecretKey::from([8; 32]).unseal(&sealed).is_err());
    }

    #[test]
    fn the_same_value_is_never_sealed_the_same_way_twice() {
        let public = STANDARD.encode(crypto_box::SecretKey::from([7; 32]).public_key().as_bytes());
        let entropy = Counting(0.into());
        let value = Secret::new("dapi-value");
        assert_ne!(seal(&public, &value, &entropy).unwrap(), seal(&public, &value, &entropy).unwrap());
    }

    #[test]
    fn a_public_key_of_another_form_is_refused() {
        for key in ["", "not base64!", "YWJj"] {
            let error = seal(key, &Secret::new("dapi-value"), &Counting(0.into())).unwrap_err();
            assert_eq!(error.code(), Code::ReplyInvalid);
            assert!(!error.is_uncertain());
        }
    }
}
