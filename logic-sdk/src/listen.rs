//! Where the server listens: the address in the environment, a TCP port or a Unix socket, and the life of the socket's file.
//!
//! It refuses to know TLS, and what is served.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{env, fmt, io};
use tokio::net::TcpListener;

#[cfg(unix)]
pub(crate) use unix::UnixSocket;

/// Environment variable with the address that [`serve`](crate::serve) listens on.
pub const LISTEN_VARIABLE: &str = "FLOW_LOGIC_LISTEN";

const DEFAULT_ADDRESS: &str = "127.0.0.1:50051";
const UNIX_SCHEME: &str = "unix://";

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What connections come from.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Address {
    pub(crate) fn from_environment() -> Result<Self, Problem> {
        Self::read(env::var_os(LISTEN_VARIABLE))
    }

    fn read(variable: Option<OsString>) -> Result<Self, Problem> {
        let text = variable.unwrap_or_else(|| DEFAULT_ADDRESS.into());
        text.to_str().and_then(Self::parse).ok_or_else(|| Problem::Address(text.to_string_lossy().into_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(UNIX_SCHEME) {
            Some(path) => Some(Path::new(path)).filter(|path| path.has_root()).map(|path| Self::Unix(path.to_owned())),
            None => text.parse().ok().map(Self::Tcp),
        }
    }

    pub(crate) async fn bind(self) -> Result<Listener, Problem> {
        match &self {
            Self::Tcp(address) => match TcpListener::bind(address).await {
                Ok(listener) => Ok(Listener::Tcp(listener)),
                Err(source) => Err(Problem::Bind { address: self, source }),
            },
            #[cfg(unix)]
            Self::Unix(path) => UnixSocket::bind(path).await.map(Listener::Unix),
            #[cfg(not(unix))]
            Self::Unix(_) => Err(Problem::Bind { address: self, source: io::ErrorKind::Unsupported.into() }),
        }
    }
}

/// As the variable has it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX_SCHEME}{}", path.display()),
        }
    }
}

/// Why there is nothing to accept connections from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(
        "{LISTEN_VARIABLE} is `{0}`; it must be an IP address and a port, such as {DEFAULT_ADDRESS}, 0.0.0.0:50051 or \
         [::]:50051, or the absolute path of a Unix socket, such as unix:///run/flow-logic/logic.sock"
    )]
    Address(String),
    #[error("cannot listen on {address}: {source}; {LISTEN_VARIABLE} chooses another address")]
    Bind { address: Address, source: io::Error },
    #[cfg(unix)]
    #[error("{address} is a file and no socket; {LISTEN_VARIABLE} must name a path where nothing else is")]
    NoSocket { address: Address },
    #[cfg(unix)]
    #[error("another process listens on {address}; end it, or have {LISTEN_VARIABLE} name another path")]
    InUse { address: Address },
}

#[cfg(unix)]
mod unix {
    use super::{Address, Problem};
    use futures_util::Stream;
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
    use std::path::{Path, PathBuf};
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::net::{UnixListener, UnixStream};
    use tracing::debug;

    /// To connect takes the right to write. The owner and the group have it: edge and logic rarely run as one user.
    const MODE: u32 = 0o660;

    /// A Unix socket that accepts connections. Its file goes before it closes, so nobody finds a socket that refuses.
    #[derive(Debug)]
    pub(crate) struct UnixSocket {
        file: SocketFile,
        listener: UnixListener,
    }

    #[derive(Debug)]
    struct SocketFile {
        path: PathBuf,
        /// Device and inode: a file that somebody else has put there since stays.
        identity: (u64, u64),
    }

    impl UnixSocket {
        /// Binds the path. What a dead process left there is replaced; what a living one listens on is not.
        pub(super) async fn bind(path: &Path) -> Result<Self, Problem> {
            let address = || Address::Unix(path.to_owned());
            let cannot = |source| Problem::Bind { address: address(), source };
            let listener = match UnixListener::bind(path) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    if !fs::symlink_metadata(path).map_err(cannot)?.file_type().is_socket() {
                        return Err(Problem::NoSocket { address: address() });
                    }
                    match UnixStream::connect(path).await {
                        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                        // Whatever else it says, somebody may be there.
                        _ => return Err(Problem::InUse { address: address() }),
                    }
                    fs::remove_file(path).map_err(cannot)?;
                    UnixListener::bind(path)
                }
                bound => bound,
            };
            let listener = listener.map_err(cannot)?;
            let metadata = fs::symlink_metadata(path).map_err(cannot)?;
            let file = SocketFile { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()) };
            fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(cannot)?;
            Ok(Self { file, listener })
        }

        pub(crate) fn address(&self) -> Address {
            Address::Unix(self.file.path.clone())
        }
    }

    impl Stream for UnixSocket {
        type Item = io::Result<UnixStream>;

        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.listener.poll_accept(context).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
        }
    }

    impl Drop for SocketFile {
        fn drop(&mut self) {
            let is_ours = |file: fs::Metadata| (file.dev(), file.ino()) == self.identity;
            if fs::symlink_metadata(&self.path).is_ok_and(is_ours)
                && let Err(error) = fs::remove_file(&self.path)
            {
                debug!(%error, "cannot remove the socket");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_variable_the_address_is_local() {
        assert_eq!(Address::read(None).unwrap(), Address::Tcp("127.0.0.1:50051".parse().unwrap()));
    }

    #[test]
    fn the_variable_holds_an_address_of_either_family_or_a_path() {
        for address in ["0.0.0.0:8080", "[::]:50051", "127.0.0.1:0"] {
            assert_eq!(Address::read(Some(address.into())).unwrap(), Address::Tcp(address.parse().unwrap()));
        }
        let socket = Address::read(Some("unix:///run/flow/logic.sock".into())).unwrap();
        assert_eq!(socket, Address::Unix("/run/flow/logic.sock".into()));
        assert_eq!(socket.to_string(), "unix:///run/flow/logic.sock");
    }

    #[test]
    fn a_bad_value_is_named_with_what_would_be_right() {
        for value in [
            "",
            "50051",
            ":50051",
            "localhost:50051",
            "http://127.0.0.1:50051",
            "127.0.0.1:99999",
            "unix://logic.sock",
            "unix://",
            "unix:/run/logic.sock",
            "/run/logic.sock",
        ] {
            let text = Address::read(Some(value.into())).unwrap_err().to_string();
            assert!(text.starts_with(&format!("FLOW_LOGIC_LISTEN is `{value}`; it must be")), "{text}");
            assert!(text.contains("127.0.0.1:50051") && text.contains("unix:///"), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_an_error_too() {
        use std::os::unix::ffi::OsStringExt;
        assert!(Address::read(Some(OsString::from_vec(vec![0xff, b':', b'1']))).is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_of_the_dead_is_replaced_and_nothing_else_is() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logic.sock");
        let address = Address::Unix(path.clone());
        // What a process leaves that was killed: the file of a listener that nobody has any more.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = address.clone().bind().await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o660);

        let refused = address.clone().bind().await.unwrap_err();
        assert!(matches!(refused, Problem::InUse { .. }), "{refused}");
        drop(listener);
        assert!(!path.exists());

        fs::write(&path, "somebody's").unwrap();
        let refused = address.clone().bind().await.unwrap_err();
        assert!(matches!(refused, Problem::NoSocket { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"somebody's");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_came_into_the_place_of_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logic.sock");
        let listener = Address::Unix(path.clone()).bind().await.unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        std::fs::write(&path, "somebody's").unwrap();
        drop(listener);
        assert!(path.exists());
    }
}
