//! Signatures: JSON web tokens, the issuers' key, and certificates.

mod certificate;
mod issuer_key;
mod jwt;

pub(crate) use certificate::read_certificate;
pub(crate) use issuer_key::IssuerKey;
pub(crate) use jwt::{Jwt, is_signed_by_spki};
