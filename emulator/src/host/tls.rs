//! A certificate authority for one run, and a certificate for loopback.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The file in which clients find the authority's certificate.
pub(super) const CA_FILE: &str = "ca.pem";

/// Makes an authority and a certificate of it, and writes the authority's certificate into a directory.
pub(super) fn acceptor(directory: &Path) -> io::Result<TlsAcceptor> {
    let other = |error: rcgen::Error| io::Error::other(error);
    let mut authority = CertificateParams::new(Vec::new()).map_err(other)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "lakekey emulator");
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(other)?).map_err(other)?;

    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let mut own = CertificateParams::new(names).map_err(other)?;
    own.distinguished_name.push(DnType::CommonName, "localhost");
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(other)?;
    let certificate = own.signed_by(&key, &authority).map_err(other)?;

    fs::create_dir_all(directory)?;
    fs::write(directory.join(CA_FILE), authority.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
