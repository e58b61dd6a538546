//! The known word that somebody meant.

/// What people write for a word that is another one here.
const MEANT: &[(&str, &str)] = &[
    ("env", "environment"),
    ("repo", "repository"),
    ("org", "organization"),
    ("organisation", "organization"),
    ("name", "secret"),
    ("secretname", "secret"),
    ("key", "secret"),
    ("host", "workspace"),
    ("url", "workspace"),
    ("workspaceurl", "workspace"),
    ("applicationid", "client-id"),
    ("appid", "client-id"),
    ("tenant", "tenant-id"),
    ("sinks", "deliver"),
    ("delivery", "deliver"),
    ("ttl", "lifetime"),
    ("expiry", "lifetime"),
    ("managed", "databricks"),
    ("azure", "public"),
    ("azurecloud", "public"),
    ("azurepublic", "public"),
    ("commercial", "public"),
    ("government", "usgov"),
    ("azureusgovernment", "usgov"),
    ("azurechinacloud", "china"),
    ("azure", "entra"),
    ("aad", "entra"),
    ("azuread", "entra"),
    ("entraid", "entra"),
    ("microsoftentraid", "entra"),
    ("ghsecret", "github-secret"),
    ("actionssecret", "github-secret"),
    ("azurekeyvault", "key-vault"),
    ("managedidentity", "azure-msi"),
    ("msi", "azure-msi"),
    ("sql", "databricks-sql-access"),
];

/// Returns the one of the known words that a text was meant to be; nothing where none is near.
pub(crate) fn nearest<'k>(text: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = plain(text);
    if plain.is_empty() || plain.len() > 40 {
        return None;
    }
    let find = |fits: &dyn Fn(&str) -> bool| known.iter().copied().find(|word| fits(&self::plain(word)));
    let meant = || {
        let mut words = MEANT.iter().filter(|(written, _)| *written == plain).map(|(_, meant)| *meant);
        words.find_map(|meant| known.iter().copied().find(|word| *word == meant))
    };
    let one_within = || {
        let mut hits = known.iter().copied().filter(|word| {
            let word = self::plain(word);
            plain.len() > 2 && (word.contains(&plain) || word.len() > 3 && plain.contains(&word))
        });
        hits.next().filter(|_| hits.next().is_none())
    };
    let near = || {
        let distance = |word: &str| strsim::damerau_levenshtein(&plain, &self::plain(word));
        let (far, word) = known.iter().copied().map(|word| (distance(word), word)).min()?;
        (far <= (plain.len() / 3).clamp(1, 3)).then_some(word)
    };
    let alike = find(&|word| word == plain);
    // The end says most, as `client-secret` does of `azure-client-secret`.
    let ending = || find(&|word| plain.len() > 5 && word.ends_with(&plain));
    alike.or_else(meant).or_else(near).or_else(ending).or_else(one_within)
}

/// Returns a word without what people vary: letter case, dashes, underscores, blanks.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let token = ["lifetime", "renew-before", "overlap", "comment", "scopes", "adopt", "verify-within"];
        let auth =
            ["pat", "azure-client-secret", "azure-client-certificate", "github-oidc", "github-oidc-azure"];
        let sink = ["type", "repository", "organization", "environment", "secret", "visibility"];
        for (text, known, meant) in [
            ("lifetme", &token[..], Some("lifetime")),
            ("lifeTime", &token, Some("lifetime")),
            ("renew_before", &token, Some("renew-before")),
            ("ttl", &token, Some("lifetime")),
            ("azure_client_secret", &auth, Some("azure-client-secret")),
            ("client-secret", &auth, Some("azure-client-secret")),
            ("service-principal", &auth, None),
            ("env", &sink, Some("environment")),
            ("name", &sink, Some("secret")),
            ("repo", &sink, Some("repository")),
            ("azure", &["public", "usgov", "china"], Some("public")),
            ("managed", &["entra", "databricks"], Some("databricks")),
            ("hunter2", &token, None),
            ("", &token, None),
        ] {
            assert_eq!(nearest(text, known), meant, "{text}");
        }
    }
}
