//! A PostgreSQL server for one test: Debian's package, its data in a temporary folder, reachable by a socket in there alone.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The server; it stops with this value.
pub(crate) struct Postgres {
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server. Where PostgreSQL is not installed the test says so and passes, but with `CI=true` that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "PostgreSQL is not installed");
            eprintln!("PostgreSQL is not installed, so what it should prove is not tested");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        for path in [folder.path(), &data] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        if is_root(folder.path()) {
            let owned = Command::new("chown").args(["-R", "nobody"]).arg(folder.path()).status().unwrap();
            assert!(owned.success());
        }

        let mut initdb = as_user(&programs.join("initdb"), folder.path());
        initdb.args(["--username", "flow", "--auth", "trust", "--encoding", "UTF8", "--no-sync", "-D"]).arg(&data);
        let output = initdb.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let mut server = as_user(&programs.join("postgres"), folder.path());
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let postgres = Self { server, folder };
        postgres.wait_until_ready(&programs);
        Some(postgres)
    }

    /// What `DATABASE_URL` should be.
    pub(crate) fn url(&self) -> String {
        format!("postgres://flow@localhost/postgres?host={}", self.folder.path().display())
    }

    /// `pg_isready` itself says no at once, so it is asked again until its own program ends or the server does.
    fn wait_until_ready(&self, programs: &Path) {
        let mut psql = Command::new(programs.join("pg_isready"));
        psql.arg("--quiet").arg("--host").arg(self.folder.path());
        let started = std::time::Instant::now();
        while !psql.status().unwrap().success() {
            assert!(started.elapsed().as_secs() < 60, "PostgreSQL does not start");
            std::thread::yield_now();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; it takes its own children along.
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.server.wait();
    }
}

/// The folder with the server's programs, which Debian keeps off the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").exists()).max()
}

fn is_root(own_folder: &Path) -> bool {
    fs::metadata(own_folder).unwrap().uid() == 0
}

/// PostgreSQL refuses to run as root, so it runs as nobody where we are root.
fn as_user(program: &Path, folder: &Path) -> Command {
    let mut command = if is_root(Path::new("/proc/self")) {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "nobody", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}
