//! Every way to sign in, for real: the emulator verifies the signature, issuer, subject and audience of what
//! it is shown.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::str::FromStr as _;

use lakekey_core::Command;
use lakekey_emulator::{Emulator, JobIdentity, Seed, World};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use p12_keystore::{KeyStore, KeyStoreEntry, PrivateKeyChain};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::{Value, json};
use sha2::Sha256;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::der::asn1::UtcTime;
use x509_cert::der::{DateTime, Encode as _, EncodePem as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

const ROTATE: Command = Command::Rotate { force: false };
pub(crate) const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Sets a stage whose principal signs in this way, after the world was changed for it; the world gives
/// variables.
pub(crate) fn stage(auth: Value, prepare: impl FnOnce(&mut World, &str) -> Vec<(String, String)>) -> Stage {
    let mut stage = Stage::new();
    let variables = stage.emulator.world(|world| {
        let client = world.seeded.client_id.clone();
        prepare(world, &client)
    });
    stage.environment.0.remove("CLIENT_SECRET");
    stage.environment.0.extend(variables);
    stage.target(|target| {
        if auth.is_null() {
            target.as_object_mut().unwrap().remove("auth");
        } else {
            target["auth"] = auth;
        }
    })
}

/// Brings the principal into the workspace.
fn in_workspace(stage: &Stage) {
    let application_id = stage.emulator.world(|world| world.seeded.client_id.clone());
    stage.emulator.seed(Seed::principal(application_id)).unwrap();
}

/// Provisions and delivers, and returns what was sent.
fn delivered(stage: &Stage) -> Ran {
    let ran = Machine::new(stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{:?}", ran.first().error);
    let ran = Machine::new(stage).run(Command::Rotate { force: true });
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{:?}", ran.first().error);
    ran
}

#[test]
fn github_vouches_for_an_entra_application_with_either_form_of_the_subject() {
    for ids_in_subject in [false, true] {
        let stage = stage(json!({"type": "github-oidc-azure"}), |world, client| {
            world.oidc.actions.ids_in_subject = ids_in_subject;
            let subject = world.oidc.actions.subject();
            assert!(world.add_federated_credential(client, "main", GITHUB, &subject));
            world.actions_environment()
        });
        let ran = delivered(&stage);
        assert!(!ran.output.contains("eyJ"), "an assertion or a token was shown");
    }
}

#[test]
fn a_subject_in_another_letter_case_is_refused_and_shown() {
    let stage = stage(json!({"type": "github-oidc-azure"}), |world, client| {
        world.oidc.actions.owner = "Acme".to_owned();
        assert!(world.add_federated_credential(client, "main", GITHUB, "repo:acme/data:ref:refs/heads/main"));
        world.actions_environment()
    });
    let ran = Machine::new(&stage).run(ROTATE);
    let error = ran.first().error.clone().unwrap();
    assert_eq!(error.code().as_str(), "federated-credential-case");
    assert!(error.message().contains("subject \"repo:Acme/data:ref:refs/heads/main\""), "{error}");
    assert!(!ran.output.contains("eyJ"), "an assertion was shown");
}

#[test]
fn an_audience_that_is_not_the_registered_one_is_refused_and_shown() {
    let stage = stage(json!({"type": "github-oidc-azure", "audience": "api://another"}), |world, client| {
        let subject = world.oidc.actions.subject();
        assert!(world.add_federated_credential(client, "main", GITHUB, &subject));
        world.actions_environment()
    });
    let error = Machine::new(&stage).run(ROTATE).first().error.clone().unwrap();
    assert_eq!(error.code().as_str(), "federated-credential-audience");
    assert!(error.message().contains("audience \"api://another\""), "{error}");
    assert!(error.hint().contains("api://AzureADTokenExchange"));
}

#[test]
fn doctor_shows_what_is_registered_beside_the_subject_that_was_sent() {
    let stage = stage(json!({"type": "github-oidc-azure"}), |world, client| {
        assert!(world.add_federated_credential(
            client,
            "other-branch",
            GITHUB,
            "repo:acme/data:ref:refs/heads/next"
        ));
        let mut variables = world.actions_environment();
        variables.push(("DIRECTORY_SECRET".to_owned(), world.seeded.directory_client_secret.clone()));
        variables.push(("DIRECTORY".to_owned(), world.seeded.directory_client_id.clone()));
        variables
    });
    in_workspace(&stage);
    let directory = stage.environment.0["DIRECTORY"].clone();
    let stage = stage.target(|target| {
        target["directory"] = json!({"type": "azure-client-secret", "client-id": directory,
            "client-secret": {"env": "DIRECTORY_SECRET"}});
    });
    let ran = Machine::new(&stage).run(Command::Doctor);
    assert_eq!(ran.code(), Some("federated-credential-mismatch"));
    let messages: Vec<&str> = ran.first().steps.iter().map(|step| step.message.as_str()).collect();
    assert!(
        messages.iter().any(|message| message.contains("subject \"repo:acme/data:ref:refs/heads/main\"")),
        "{messages:?}"
    );
    let registered = "registered is \"other-branch\": issuer \
         \"https://token.actions.githubusercontent.com\", subject \"repo:acme/data:ref:refs/heads/next\"";
    assert!(messages.iter().any(|message| message.starts_with(registered)), "{messages:?}");
    assert!(ran.writes().is_empty());
}

#[test]
fn azure_pipelines_vouches_for_an_entra_application_by_its_service_connection() {
    let auth = json!({
        "type": "azure-devops-oidc", "service-connection-id": "5e1d3b7a-9c2f-4a86-b0e4-1f3d5b7c9a20",
    });
    let signing_in = |new: bool, named: bool| {
        stage(auth.clone(), |world, client| {
            let tenant = world.seeded.tenant.clone();
            let job = &mut world.oidc.pipeline;
            if new {
                job.issue_by_entra(&tenant);
            }
            job.connections[0].referenced = named;
            let JobIdentity { issuer, subject, .. } = job.identity(job.connections.first());
            assert_eq!(issuer.starts_with("https://login.microsoftonline.com/"), new);
            assert!(world.add_federated_credential(client, "pipelines", &issuer, &subject));
            world.pipeline_environment()
        })
    };
    for new in [false, true] {
        delivered(&signing_in(new, true));
        let ran = Machine::new(&signing_in(new, false)).run(ROTATE);
        assert_eq!(ran.code(), Some("service-connection-unreferenced"), "{}", ran.output);
        let hint = ran.first().error.as_ref().unwrap().hint().to_owned();
        assert!(hint.contains("azureSubscription") && hint.contains("condition: false"), "{hint}");
    }
}

#[test]
fn azure_pipelines_vouches_for_a_principal_that_databricks_manages() {
    let stage = stage(json!({"type": "azure-devops-oidc"}), |world, client| {
        let JobIdentity { issuer, subject, .. } = world.oidc.pipeline.identity(None);
        world.add_federation_policy(client, &issuer, &subject, &["api://AzureADTokenExchange"]);
        world.pipeline_environment()
    });
    in_workspace(&stage);
    delivered(&stage.target(|target| target["principal"]["kind"] = json!("databricks")));
}

#[test]
fn a_pipeline_that_does_not_map_its_token_is_told_so() {
    let stage = stage(json!({"type": "azure-devops-oidc"}), |world, _| {
        world.oidc.pipeline.access_token = None;
        world.pipeline_environment()
    });
    assert_eq!(Machine::new(&stage).run(ROTATE).code(), Some("system-access-token-missing"));
}

#[test]
fn a_job_without_id_token_write_is_told_so() {
    let stage = stage(json!({"type": "github-oidc-azure"}), |world, _| {
        world.oidc.actions.request_token = None;
        world.actions_environment()
    });
    assert_eq!(Machine::new(&stage).run(ROTATE).code(), Some("oidc-permission-missing"));
}

#[test]
fn a_managed_identity_signs_in_and_one_that_is_not_assigned_is_named() {
    let own = stage(json!({"type": "azure-msi"}), |world, client| {
        world.imds.system_assigned = Some(client.to_owned());
        Vec::new()
    });
    delivered(&own);
    let none = stage(json!({"type": "azure-msi"}), |_, _| Vec::new());
    assert_eq!(Machine::new(&none).run(ROTATE).code(), Some("identity-not-assigned"));
}

#[test]
fn databricks_exchanges_the_assertion_of_github_under_a_federation_policy() {
    let prepare = |subject: &'static str| {
        move |world: &mut World, client: &str| {
            let audience = format!("{}/oidc/v1/token", world.origins.workspace(0));
            world.add_federation_policy(client, GITHUB, subject, &[&audience]);
            world.actions_environment()
        }
    };
    delivered(&stage(json!({"type": "github-oidc"}), prepare("repo:acme/data:ref:refs/heads/main")));
    let ran =
        Machine::new(&stage(json!({"type": "github-oidc"}), prepare("repo:acme/other:ref:refs/heads/main")))
            .run(ROTATE);
    let error = ran.first().error.clone().unwrap();
    assert_eq!(error.code().as_str(), "federation-policy-mismatch");
    assert!(error.message().contains("subject \"repo:acme/data:ref:refs/heads/main\""), "{error}");
}

#[test]
fn a_federation_policy_that_was_made_a_moment_ago_is_waited_for_by_provisioning_alone() {
    let policy = |world: &mut World| {
        let client = world.seeded.client_id.clone();
        let audience = format!("{}/oidc/v1/token", world.origins.workspace(0));
        world.add_federation_policy(&client, GITHUB, "repo:acme/data:ref:refs/heads/main", &[&audience]);
    };
    for (seen_after, command, code) in [
        (Some(100_000), Command::Provision, None),
        (None, Command::Provision, Some("federation-policy-mismatch")),
        (None, ROTATE, Some("federation-policy-mismatch")),
    ] {
        let stage = stage(json!({"type": "github-oidc"}), |world, _| world.actions_environment());
        in_workspace(&stage);
        let begun = stage.emulator.now_ms();
        let known = Cell::new(false);
        let watch = Rc::new(move |emulator: &Emulator| {
            if seen_after.is_some_and(|ms| emulator.now_ms() - begun > ms) && !known.replace(true) {
                emulator.world(policy);
            }
        });
        let provisions = command == Command::Provision;
        let ran = Machine::new(&stage).watched(watch).run(command);
        assert_eq!(ran.code(), code, "{}", ran.output);
        let waited = stage.emulator.now_ms() - begun;
        assert!(waited < if provisions { 310_000 } else { 30_000 }, "{waited}");
        assert!(!provisions || waited > 90_000, "{waited}");
    }
}

#[test]
fn the_environment_is_read_where_no_sign_in_is_configured() {
    // A client secret by the names of the Databricks SDKs, and by those of the Azure SDKs.
    for prefix in ["ARM", "AZURE"] {
        let stage = stage(Value::Null, |world, client| {
            vec![
                (format!("{prefix}_CLIENT_ID"), client.to_owned()),
                (format!("{prefix}_CLIENT_SECRET"), world.seeded.client_secret.clone()),
                (format!("{prefix}_TENANT_ID"), world.seeded.tenant.clone()),
            ]
        });
        delivered(&stage);
    }
    let nothing = stage(Value::Null, |_, _| Vec::new());
    assert_eq!(Machine::new(&nothing).run(ROTATE).code(), Some("sign-in-not-configured"));
}

#[test]
fn a_token_of_a_trusted_issuer_is_exchanged_from_a_variable_or_a_file() {
    let issued = |world: &mut World, client: &str| {
        let audience = format!("{}/oidc/v1/token", world.origins.workspace(0));
        world.add_federation_policy(client, GITHUB, "somebody", &[&audience]);
        identity_token(world, &audience)
    };
    let mut token = String::new();
    let by_variable = stage(json!({"type": "env-oidc"}), |world, client| {
        token = issued(world, client);
        vec![("DATABRICKS_OIDC_TOKEN".to_owned(), token.clone())]
    });
    assert!(!delivered(&by_variable).output.contains(&token));
    let mut by_file = stage(json!({"type": "file-oidc", "path": "/run/token"}), |world, client| {
        token = issued(world, client);
        Vec::new()
    });
    by_file.environment.1.insert("/run/token".to_owned(), token.into_bytes());
    delivered(&by_file);
}

#[test]
fn a_workload_identity_of_kubernetes_signs_in_by_the_file_that_the_azure_sdks_name() {
    let mut token = String::new();
    let mut stage = stage(Value::Null, |world, client| {
        assert!(world.add_federated_credential(client, "cluster", GITHUB, "somebody"));
        token = identity_token(world, "api://AzureADTokenExchange");
        vec![
            ("AZURE_FEDERATED_TOKEN_FILE".to_owned(), "/var/run/token".to_owned()),
            ("AZURE_CLIENT_ID".to_owned(), client.to_owned()),
            ("AZURE_TENANT_ID".to_owned(), world.seeded.tenant.clone()),
        ]
    });
    stage.environment.1.insert("/var/run/token".to_owned(), token.into_bytes());
    delivered(&stage);
}

fn identity_token(world: &mut World, audience: &str) -> String {
    let now = world.now_ms().div_euclid(1000);
    world.sign_identity_token(&json!({
        "iss": GITHUB, "sub": "somebody", "aud": audience, "iat": now, "nbf": now, "exp": now + 86_400,
            "jti": "1",
    }))
}

#[test]
fn a_certificate_signs_in_once_it_is_registered_from_pem_and_from_pkcs12() {
    let (key, certificate) = certificate(2020..2049);
    let pem = format!(
        "{}{}",
        certificate.to_pem(LineEnding::LF).unwrap(),
        &*key.to_pkcs8_pem(LineEnding::LF).unwrap()
    );
    let auth = json!({"type": "azure-client-certificate", "certificate": {"file": "/certificate"},
        "password": {"env": "PASSWORD"}});
    let with = |content: Vec<u8>, registered: bool| {
        let mut stage = stage(auth.clone(), |world, client| {
            assert!(!registered || world.add_certificate(client, &pem));
            vec![("PASSWORD".to_owned(), "pass".to_owned())]
        });
        stage.environment.1.insert("/certificate".to_owned(), content);
        stage
    };
    delivered(&with(pem.clone().into_bytes(), true));
    delivered(&with(pkcs12(&key, &certificate), true));
    let refused = Machine::new(&with(pem.clone().into_bytes(), false)).run(ROTATE);
    assert_eq!(refused.code(), Some("certificate-invalid"));
    assert!(!refused.output.contains("PRIVATE KEY"));
}

/// Sets a stage that signs in with a certificate of those years, registered or not, for its key or another.
pub(crate) fn certified(years: Range<u16>, registered: bool, other_key: bool) -> Stage {
    let (key, certificate) = certificate(years.clone());
    let key = if other_key { self::certificate(years).0 } else { key };
    let key = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    let pem = format!("{}{}", certificate.to_pem(LineEnding::LF).unwrap(), &*key);
    let auth = json!({"type": "azure-client-certificate", "certificate": {"env": "CERTIFICATE"}});
    stage(auth, |world, client| {
        assert!(!registered || world.add_certificate(client, &pem));
        vec![("CERTIFICATE".to_owned(), pem)]
    })
}

/// Makes a key and a certificate that is valid for those years.
fn certificate(years: Range<u16>) -> (RsaPrivateKey, x509_cert::Certificate) {
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    let public = SubjectPublicKeyInfoOwned::from_key(key.to_public_key()).unwrap();
    let year = |year: u16| {
        Time::UtcTime(UtcTime::from_date_time(DateTime::new(year, 1, 1, 0, 0, 0).unwrap()).unwrap())
    };
    let validity = Validity { not_before: year(years.start), not_after: year(years.end) };
    let signer = SigningKey::<Sha256>::new(key.clone());
    let name = Name::from_str("CN=lakekey").unwrap();
    let builder =
        CertificateBuilder::new(Profile::Root, SerialNumber::from(7_u32), validity, name, public, &signer)
            .unwrap();
    let certificate = builder.build::<rsa::pkcs1v15::Signature>().unwrap();
    (key, certificate)
}

fn pkcs12(key: &RsaPrivateKey, certificate: &x509_cert::Certificate) -> Vec<u8> {
    let leaf = p12_keystore::Certificate::from_der(&certificate.to_der().unwrap()).unwrap();
    let chain = PrivateKeyChain::new(key.to_pkcs8_der().unwrap().as_bytes(), [1, 2, 3], [leaf]);
    let mut store = KeyStore::new();
    store.add_entry("lakekey", KeyStoreEntry::PrivateKeyChain(chain));
    store.writer("pass").write().unwrap()
}
