//! Reading X.509 certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate as X509;
use x509_cert::der::{Decode as _, DecodePem as _, Encode as _};

use crate::state::Certificate;

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
    fn a_certificate_is_read_as_pem_and_as_der_alike() {
        let read = read_certificate(CERTIFICATE).unwrap();
        let der: String = CERTIFICATE.lines().filter(|line| !line.starts_with("-----")).collect();
        let again = read_certificate(&der).unwrap();
        assert_eq!(
            crate::hex::hex(&read.thumbprint),
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
}
