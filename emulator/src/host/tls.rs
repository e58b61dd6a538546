//! A certificate authority for one run, and certificates of it.

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

/// Holds an authority that nobody trusts who does not read its file.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Makes an authority, and writes its certificate into a directory.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new()).map_err(other)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "lakekey emulator");
        let key = KeyPair::generate().map_err(other)?;
        let authority = CertifiedIssuer::self_signed(authority, key).map_err(other)?;
        fs::create_dir_all(directory)?;
        fs::write(directory.join(CA_FILE), authority.pem())?;
        Ok(Self(authority))
    }

    /// Makes what speaks TLS under these names.
    pub(super) fn acceptor(&self, names: Vec<String>) -> io::Result<TlsAcceptor> {
        let first = names.first().cloned().unwrap_or_default();
        let mut own = CertificateParams::new(names).map_err(other)?;
        own.distinguished_name.push(DnType::CommonName, first);
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(other)?;
        let certificate = own.signed_by(&key, &self.0).map_err(other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn other(error: rcgen::Error) -> io::Error {
    io::Error::other(error)
}

/// Makes an authority and what speaks TLS on loopback.
pub(super) fn acceptor(directory: &Path) -> io::Result<TlsAcceptor> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    Authority::new(directory)?.acceptor(names)
}
