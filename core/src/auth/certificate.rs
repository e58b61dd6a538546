//! A client certificate: read from PEM or PKCS#12, checked, and used to sign an assertion.
//!
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use rsa::pkcs8::der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _, pem};
use rsa::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::context::{Context, Request};
use super::pem::straightened;
use crate::config::SecretRef;
use crate::model::{Code, Error, Secret, Step, Timestamp};
use crate::service::github::HostRng;

/// How far an assertion's start lies back, for a host whose clock is ahead, in seconds.
const BACKDATED: i64 = 60;

/// How long an assertion lives from now on, in seconds; Entra ID advises ten minutes at the most.
const LIFE: i64 = 300;

/// Holds a certificate that is valid now, and its private key.
pub(super) struct Certificate {
    der: Vec<u8>,
    key: RsaPrivateKey,
}

impl Certificate {
    /// Reads and checks what the configuration refers to; nothing is sent.
    ///
    /// # Errors
    /// `config-missing-secret`, `certificate-invalid`, `certificate-key-mismatch`, `certificate-expired`.
    pub(super) fn load(
        request: &Request<'_>,
        reference: &SecretRef,
        password: Option<&SecretRef>,
    ) -> Result<Self, Error> {
        let context = request.context;
        let path = format!("{}.certificate", request.path);
        let password = password
            .map(|reference| context.secret(reference, &format!("{}.password", request.path)))
            .transpose()?;
        let bytes = reference.read_bytes(&path, context.host().environment)?;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            context.masked(Secret::new(text.trim()));
        }
        let problem = |(code, words): Problem| Error::new(code, request.step, words).with_key(path.clone());
        let (certificates, key) = read(&bytes, password.as_ref()).map_err(problem)?;
        let now = context.now();
        let der = matching(certificates, &key, now).map_err(problem)?;
        let until = check_validity(&der, now).map_err(problem)?;
        context.note_end(path.clone(), until);
        Ok(Self { der, key })
    }

    /// Returns the SHA-256 of the certificate in unpadded base64url, by which Entra ID finds the registered
    /// one.
    pub(super) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.der))
    }

    /// Signs an assertion that its bearer is the application.
    pub(super) fn assertion(
        &self,
        context: &Context<'_>,
        step: Step,
        client: &str,
        audience: &str,
    ) -> Result<Secret, Error> {
        // Entra ID judges it by its own clock.
        let now = context.time_at(&context.endpoints.login).as_second();
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint()});
        let claims = json!({
            "aud": audience,
            "iss": client,
            "sub": client,
            "jti": format!("{}{}", context.random_id(), context.random_id()),
            "nbf": now - BACKDATED,
            "exp": now + LIFE,
        });
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = rsa::pss::BlindedSigningKey::<Sha256>::new(self.key.clone())
            .try_sign_with_rng(&mut HostRng(context.host().entropy), signed.as_bytes())
            .map_err(|_| {
                Error::new(Code::CertificateInvalid, step, "the private key is too small to sign with")
            })?;
        Ok(context.masked(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))))
    }
}

type Problem = (Code, String);

fn invalid(words: &str) -> Problem {
    (Code::CertificateInvalid, words.to_owned())
}

/// Reads PEM, PKCS#12, or PKCS#12 in base64; returns the certificates and the key.
fn read(bytes: &[u8], password: Option<&Secret>) -> Result<(Vec<Vec<u8>>, RsaPrivateKey), Problem> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let straight = straightened(text);
        if straight.contains("-----BEGIN ") {
            return read_pem(&straight, password);
        }
        // An environment variable holds no binary; people encode the file.
        let compact: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
        let decoded = STANDARD.decode(compact.as_bytes()).map(Zeroizing::new);
        return read_pkcs12(&decoded.map_err(|_| invalid("it is neither PEM nor PKCS#12"))?, password);
    }
    read_pkcs12(bytes, password)
}

fn read_pem(text: &str, password: Option<&Secret>) -> Result<(Vec<Vec<u8>>, RsaPrivateKey), Problem> {
    let mut certificates = Vec::new();
    let mut key = None;
    for (label, block) in blocks(text) {
        match label {
            "CERTIFICATE" => {
                let (_, der) =
                    pem::decode_vec(block.as_bytes()).map_err(|_| invalid("its certificate is no PEM"))?;
                certificates.push(der);
            }
            "PRIVATE KEY" => key = key.or_else(|| RsaPrivateKey::from_pkcs8_pem(block).ok()),
            "RSA PRIVATE KEY" => key = key.or_else(|| RsaPrivateKey::from_pkcs1_pem(block).ok()),
            "ENCRYPTED PRIVATE KEY" => key = Some(decrypt(block, password)?),
            "EC PRIVATE KEY" => {
                return Err(invalid("its private key is for elliptic curves, and Entra ID takes RSA alone"));
            }
            _ => {}
        }
    }
    if certificates.is_empty() {
        return Err(invalid("it holds no certificate"));
    }
    Ok((certificates, key.ok_or_else(|| invalid("it holds no RSA private key"))?))
}

#[cfg(feature = "pkcs12")]
fn decrypt(block: &str, password: Option<&Secret>) -> Result<RsaPrivateKey, Problem> {
    let password =
        password.ok_or_else(|| invalid("its private key is encrypted, and no password is given"))?;
    RsaPrivateKey::from_pkcs8_encrypted_pem(block, password.expose("the private key is decrypted with it"))
        .map_err(|_| invalid("its private key cannot be decrypted with the password"))
}

#[cfg(not(feature = "pkcs12"))]
fn decrypt(_block: &str, _password: Option<&Secret>) -> Result<RsaPrivateKey, Problem> {
    Err(invalid("its private key is encrypted, and this build reads plain ones alone"))
}

#[cfg(feature = "pkcs12")]
fn read_pkcs12(bytes: &[u8], password: Option<&Secret>) -> Result<(Vec<Vec<u8>>, RsaPrivateKey), Problem> {
    let password = password.map_or("", |p| p.expose("the PKCS#12 is decrypted with it"));
    let store = p12_keystore::KeyStore::from_pkcs12(bytes, password)
        .map_err(|_| invalid("it is neither PEM nor a PKCS#12 that opens with the password"))?;
    let Some((_, chain)) = store.private_key_chain() else {
        return Err(invalid("the PKCS#12 holds no private key"));
    };
    let key = RsaPrivateKey::from_pkcs8_der(chain.key())
        .map_err(|_| invalid("the private key of the PKCS#12 is no RSA key"))?;
    let of_chain = chain.chain().iter().map(|certificate| certificate.as_der().to_vec());
    // A file whose certificate does not bear the key's id keeps it apart from the key.
    let others = store.entries().filter_map(|(_, entry)| match entry {
        p12_keystore::KeyStoreEntry::Certificate(certificate) => Some(certificate.as_der().to_vec()),
        _ => None,
    });
    let certificates: Vec<_> = of_chain.chain(others).collect();
    if certificates.is_empty() {
        return Err(invalid("the PKCS#12 holds no certificate"));
    }
    Ok((certificates, key))
}

#[cfg(not(feature = "pkcs12"))]
fn read_pkcs12(_bytes: &[u8], _password: Option<&Secret>) -> Result<(Vec<Vec<u8>>, RsaPrivateKey), Problem> {
    Err(invalid("it is no PEM, and this build reads no PKCS#12"))
}

/// Splits a text into its PEM blocks, whatever stands between them.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    const BEGIN: &str = "-----BEGIN ";
    text.match_indices(BEGIN).filter_map(move |(start, _)| {
        let rest = &text[start..];
        let label = rest[BEGIN.len()..].split("-----").next()?;
        let end = format!("-----END {label}-----");
        let length = rest.find(&end)? + end.len();
        Some((label, &rest[..length]))
    })
}

/// Finds the certificate that the key was made for; a file may bring its issuers too, and earlier
/// certificates of the same key, of which the valid one counts.
fn matching(certificates: Vec<Vec<u8>>, key: &RsaPrivateKey, now: Timestamp) -> Result<Vec<u8>, Problem> {
    let public = key.to_public_key();
    let mut own: Vec<Vec<u8>> =
        certificates.into_iter().filter(|der| public_key(der).as_ref() == Some(&public)).collect();
    let valid = own.iter().position(|der| check_validity(der, now).is_ok()).unwrap_or(0);
    if own.is_empty() {
        return Err((
            Code::CertificateKeyMismatch,
            "the private key is not that of the certificate".to_owned(),
        ));
    }
    Ok(own.swap_remove(valid))
}

fn public_key(der: &[u8]) -> Option<RsaPublicKey> {
    let info = Fields::of(der)?.public_key.to_der().ok()?;
    RsaPublicKey::from_public_key_der(&info).ok()
}

/// Holds what is asked of a certificate. Only the fields' places are read: the types of a whole certificate,
/// with all the names and extensions that it may bear, would be a tenth of the module that is loaded in
/// JavaScript.
///
/// <https://datatracker.ietf.org/doc/html/rfc5280#section-4.1>
struct Fields<'d> {
    from: AnyRef<'d>,
    until: AnyRef<'d>,
    public_key: AnyRef<'d>,
}

impl<'d> Fields<'d> {
    fn of(der: &'d [u8]) -> Option<Self> {
        let whole = elements(AnyRef::from_der(der).ok()?)?;
        let mut signed = elements(*whole.first()?)?.into_iter().peekable();
        // The version stands in front, but for certificates of the first one.
        signed.next_if(|element| element.tag().is_context_specific());
        let signed: Vec<_> = signed.collect();
        let [_serial, _algorithm, _issuer, validity, _subject, public_key, ..] = *signed.as_slice() else {
            return None;
        };
        let [from, until] = elements(validity)?.try_into().ok()?;
        Some(Self { from, until, public_key })
    }
}

/// Returns what a sequence consists of.
fn elements(sequence: AnyRef<'_>) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = (sequence.tag() == Tag::Sequence).then(|| SliceReader::new(sequence.value()))?.ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(elements)
}

/// Reads a time of either form.
fn instant(time: AnyRef<'_>) -> Option<Timestamp> {
    let since = match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        _ => time.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
    };
    i64::try_from(since.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

/// Returns until when a certificate is valid that is so now.
fn check_validity(der: &[u8], now: Timestamp) -> Result<Timestamp, Problem> {
    let fields = Fields::of(der).ok_or_else(|| invalid("its certificate cannot be read"))?;
    let (Some(from), Some(until)) = (instant(fields.from), instant(fields.until)) else {
        return Err(invalid("its certificate has no readable validity"));
    };
    if now < from {
        return Err((Code::CertificateExpired, format!("the certificate is not valid before {from}")));
    }
    if now > until {
        return Err((Code::CertificateExpired, format!("the certificate has expired at {until}")));
    }
    Ok(until)
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
