//! Which files TLS is made of. It refuses to open them.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

pub(super) const CERTIFICATE: &str = "FLOW_LOGIC_TLS_CERTIFICATE_FILE";
pub(super) const PRIVATE_KEY: &str = "FLOW_LOGIC_TLS_PRIVATE_KEY_FILE";
pub(super) const CLIENT_CA: &str = "FLOW_LOGIC_TLS_CLIENT_CA_FILE";

/// The files, by their names in the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
    /// With it, clients need a certificate.
    pub(crate) client_ca: Option<PathBuf>,
}

impl Files {
    /// `None` where no variable is set. An empty one is set: to take it for none could serve everybody.
    pub(crate) fn from_environment() -> Result<Option<Self>, Unusable> {
        Self::read(|name| env::var_os(name), cfg!(feature = "tls"))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>, has_tls: bool) -> Result<Option<Self>, Unusable> {
        let file = |name| variable(name).map(PathBuf::from);
        let set = [CERTIFICATE, PRIVATE_KEY, CLIENT_CA].into_iter().find(|name| variable(name).is_some());
        if let Some(set) = set.filter(|_| !has_tls) {
            return Err(Unusable::NotBuilt { set });
        }
        match (file(CERTIFICATE), file(PRIVATE_KEY), file(CLIENT_CA)) {
            (Some(certificate), Some(private_key), client_ca) => Ok(Some(Self { certificate, private_key, client_ca })),
            (Some(_), None, _) => Err(Unusable::Missing { set: CERTIFICATE, missing: PRIVATE_KEY }),
            (None, Some(_), _) => Err(Unusable::Missing { set: PRIVATE_KEY, missing: CERTIFICATE }),
            (None, None, Some(_)) => Err(Unusable::ClientCaAlone),
            (None, None, None) => Ok(None),
        }
    }
}

/// Why the variables as they are say nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(
        "{set} is set, and this program was built without TLS; build it with the feature `tls` of flow-logic-sdk, or unset it"
    )]
    NotBuilt { set: &'static str },
    #[error("{set} is set without {missing}; TLS needs both")]
    Missing { set: &'static str, missing: &'static str },
    #[error(
        "{CLIENT_CA} is set without {CERTIFICATE} and {PRIVATE_KEY}; clients show certificates in TLS alone, which needs both"
    )]
    ClientCaAlone,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[&str], has_tls: bool) -> Result<Option<Files>, Unusable> {
        Files::read(|name| set.contains(&name).then(|| format!("/tls/{name}").into()), has_tls)
    }

    #[test]
    fn certificate_and_key_come_together_and_the_authority_with_them_or_not_at_all() {
        assert_eq!(read(&[], true).unwrap(), None);
        let files = read(&[CERTIFICATE, PRIVATE_KEY], true).unwrap().unwrap();
        assert_eq!(files.client_ca, None);
        let files = read(&[CERTIFICATE, PRIVATE_KEY, CLIENT_CA], true).unwrap().unwrap();
        assert_eq!(files.client_ca, Some("/tls/FLOW_LOGIC_TLS_CLIENT_CA_FILE".into()));

        for (set, missing) in [
            (&[CERTIFICATE][..], PRIVATE_KEY),
            (&[PRIVATE_KEY], CERTIFICATE),
            (&[CERTIFICATE, CLIENT_CA], PRIVATE_KEY),
            (&[CLIENT_CA], CERTIFICATE),
        ] {
            let text = read(set, true).unwrap_err().to_string();
            assert!(text.contains(set[0]) && text.contains(missing), "{text}");
        }
    }

    #[test]
    fn without_the_feature_nothing_is_served_that_was_meant_to_be_tls() {
        assert_eq!(read(&[], false).unwrap(), None);
        for set in [&[CERTIFICATE, PRIVATE_KEY][..], &[PRIVATE_KEY], &[CLIENT_CA]] {
            let text = read(set, false).unwrap_err().to_string();
            assert!(text.contains(set[0]) && text.contains("feature `tls` of flow-logic-sdk"), "{text}");
        }
    }
}
