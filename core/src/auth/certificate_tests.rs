//! Client certificates: what is signed verifies, and what cannot be used is named.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::str::FromStr as _;
use std::sync::OnceLock;
use std::time::Duration;

use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::pss::VerifyingKey;
use rsa::signature::Verifier as _;
use serde_json::Value;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::der::EncodePem as _;
use x509_cert::der::asn1::UtcTime;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

use super::*;
use crate::auth::sign_in_principal;
use crate::host::testing::{START, TestHost};

const LOGIN: &str =
    "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token";
const DAY: i64 = 86_400;

/// Makes the key once: small, since its strength is not what is tested.
fn key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut HostRng(&TestHost::new()), 1024).unwrap())
}

fn other_key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let host = TestHost::new();
        crate::host::Entropy::fill(&host, &mut [0; 7]);
        RsaPrivateKey::new(&mut HostRng(&host), 1024).unwrap()
    })
}

/// Makes a certificate for a key, valid from and until so many days after the start of the test.
fn certificate(key: &RsaPrivateKey, from: i64, until: i64) -> x509_cert::Certificate {
    let time = |days: i64| {
        let seconds = u64::try_from(START + days * DAY).unwrap();
        Time::UtcTime(UtcTime::from_unix_duration(Duration::from_secs(seconds)).unwrap())
    };
    let public = key.to_public_key().to_public_key_der().unwrap();
    let spki = SubjectPublicKeyInfoOwned::from_der(public.as_bytes()).unwrap();
    let validity = Validity { not_before: time(from), not_after: time(until) };
    let signer = SigningKey::<Sha256>::new(key.clone());
    let name = Name::from_str("CN=lakekey").unwrap();
    let builder =
        CertificateBuilder::new(Profile::Root, SerialNumber::from(7_u32), validity, name, spki, &signer)
            .unwrap();
    builder.build::<rsa::pkcs1v15::Signature>().unwrap()
}

fn pem(certificate: &x509_cert::Certificate, key: &RsaPrivateKey) -> String {
    format!(
        "{}\n{}",
        certificate.to_pem(LineEnding::LF).unwrap(),
        &*key.to_pkcs8_pem(LineEnding::LF).unwrap()
    )
}

/// Signs in with the content of a file, and returns what was sent for the assertion.
fn assertion(content: &[u8], password: Option<&str>) -> Result<String, Error> {
    let mut host = TestHost::new().with_file("/cert", content);
    let mut auth = json!({"type": "azure-client-certificate", "certificate": {"file": "/cert"}});
    if let Some(password) = password {
        host = host.variable("PASSWORD", password);
        auth["password"] = json!({"env": "PASSWORD"});
    }
    send(&host, auth)
}

fn send(host: &TestHost, auth: Value) -> Result<String, Error> {
    let config = host.config(json!({}), json!({"auth": auth}));
    host.on(&format!("POST {LOGIN}"), 200, json!({"access_token": "t", "expires_in": 3599}));
    host.with(&config, async |context| sign_in_principal(context).await)?;
    let sent = host.sent();
    let field = form_urlencoded::parse(sent[0].body.as_bytes()).find(|(name, _)| name == "client_assertion");
    Ok(field.unwrap().1.into_owned())
}

fn part(token: &str, index: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()
}

/// Checks the signature as Entra ID does, by the registered certificate's key.
fn verify(token: &str) {
    let signature = rsa::pss::Signature::try_from(part(token, 2).as_slice()).unwrap();
    let signed = token.rsplit_once('.').unwrap().0;
    VerifyingKey::<Sha256>::new(key().to_public_key()).verify(signed.as_bytes(), &signature).unwrap();
}

#[test]
fn the_assertion_is_signed_by_ps256_and_names_the_certificate_and_the_token_endpoint() {
    let certificate = certificate(key(), -1, 1);
    let token = assertion(pem(&certificate, key()).as_bytes(), None).unwrap();
    verify(&token);
    let header: Value = serde_json::from_slice(&part(&token, 0)).unwrap();
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.to_der().unwrap()));
    assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));
    let mut claims: Value = serde_json::from_slice(&part(&token, 1)).unwrap();
    let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 24);
    let client = "22222222-2222-2222-2222-222222222222";
    assert_eq!(
        claims,
        json!({"aud": LOGIN, "iss": client, "sub": client, "nbf": START - 60, "exp": START + 300})
    );
}

#[test]
fn the_leaf_is_found_among_its_issuers_and_every_form_of_the_key_is_read() {
    let leaf = certificate(key(), -1, 1);
    let issuer = certificate(other_key(), -1, 1).to_pem(LineEnding::CRLF).unwrap();
    let pkcs1 = key().to_pkcs1_pem(LineEnding::LF).unwrap();
    let text = format!("Bag Attributes\n{}{issuer}{}", &*pkcs1, leaf.to_pem(LineEnding::LF).unwrap());
    let token = assertion(text.as_bytes(), None).unwrap();
    verify(&token);
    let header: Value = serde_json::from_slice(&part(&token, 0)).unwrap();
    assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(Sha256::digest(leaf.to_der().unwrap())));
}

#[test]
fn a_certificate_outside_its_validity_is_refused_before_anything_is_sent() {
    for (from, until, words) in
        [(-2, -1, "has expired at 2026-11-23"), (1, 2, "is not valid before 2026-11-25")]
    {
        let host =
            TestHost::new().with_file("/cert", pem(&certificate(key(), from, until), key()).as_bytes());
        let config = host.config(
            json!({}),
            json!({"auth": {"type": "azure-client-certificate", "certificate": {"file": "/cert"}}}),
        );
        let error = host.with(&config, async |context| sign_in_principal(context).await).unwrap_err();
        assert_eq!(
            (error.code(), error.key()),
            (Code::CertificateExpired, Some("targets[0].auth.certificate"))
        );
        assert!(error.message().contains(words), "{error}");
        assert!(host.sent().is_empty());
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let error = assertion(pem(&certificate(key(), -1, 1), other_key()).as_bytes(), None).unwrap_err();
    assert_eq!(error.code(), Code::CertificateKeyMismatch);
}

#[test]
fn what_cannot_be_used_is_named_without_showing_it() {
    let alone = certificate(key(), -1, 1).to_pem(LineEnding::LF).unwrap();
    let keyed = key().to_pkcs8_pem(LineEnding::LF).unwrap();
    for (content, words) in [
        (alone.as_str(), "holds no RSA private key"),
        (keyed.as_str(), "holds no certificate"),
        ("dapi-something", "neither PEM nor PKCS#12"),
    ] {
        let error = assertion(content.as_bytes(), None).unwrap_err();
        assert_eq!(error.code(), Code::CertificateInvalid);
        assert!(error.message().contains(words), "{error}");
        assert!(!error.message().contains("dapi-something"));
    }
}

#[cfg(feature = "pkcs12")]
mod pkcs12 {
    use p12_keystore::{Certificate as Entry, EncryptionAlgorithm, KeyStore, KeyStoreEntry, PrivateKeyChain};

    use super::*;

    fn file(password: &str, algorithm: EncryptionAlgorithm) -> Vec<u8> {
        let leaf = Entry::from_der(&certificate(key(), -1, 1).to_der().unwrap()).unwrap();
        let chain = PrivateKeyChain::new(key().to_pkcs8_der().unwrap().as_bytes(), [1, 2, 3], [leaf]);
        let mut store = KeyStore::new();
        store.add_entry("lakekey", KeyStoreEntry::PrivateKeyChain(chain));
        store
            .writer(password)
            .encryption_algorithm(algorithm)
            .encryption_iterations(2)
            .mac_iterations(2)
            .write()
            .unwrap()
    }

    #[test]
    fn a_pkcs12_is_read_from_a_file_by_new_and_by_old_ciphers() {
        for algorithm in [
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
        ] {
            verify(&assertion(&file("pass", algorithm), Some("pass")).unwrap());
        }
    }

    #[test]
    fn a_pkcs12_is_read_from_the_environment_in_base64() {
        let text = STANDARD.encode(file("", EncryptionAlgorithm::PbeWithHmacSha256AndAes256));
        let host = TestHost::new().variable("CERT", &text);
        let token =
            send(&host, json!({"type": "azure-client-certificate", "certificate": {"env": "CERT"}})).unwrap();
        verify(&token);
        assert!(host.masked().contains(&text));
    }

    #[test]
    fn a_wrong_password_is_named_and_not_shown() {
        let error =
            assertion(&file("pass", EncryptionAlgorithm::PbeWithHmacSha256AndAes256), Some("wrong-password"))
                .unwrap_err();
        assert_eq!(error.code(), Code::CertificateInvalid);
        assert!(error.message().contains("opens with the password"), "{error}");
        assert!(!error.message().contains("wrong-password"));
    }
}
