// Package pgtest starts a PostgreSQL server for one test: Debian's package, its data in a temporary folder, reachable by a
// socket in there alone.
package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Start starts a server that stops with the test, and returns what DATABASE_URL should be. Where PostgreSQL is not installed
// the test is skipped, but with CI=true that is a failure.
func Start(t *testing.T) (databaseURL string) {
	t.Helper()
	// Debian keeps the server's programs off the path.
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("PostgreSQL is not installed")
		}
		t.Skip("PostgreSQL is not installed")
	}
	programs := filepath.Dir(slices.Max(found))

	// Not t.TempDir, whose parents only their owner may enter and whose name may be too long for a socket.
	folder, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	owner := ownerOf(t, folder)
	command := func(program string, arguments ...string) *exec.Cmd {
		command := exec.Command(filepath.Join(programs, program), arguments...)
		command.Dir = folder
		command.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
		return command
	}

	data := filepath.Join(folder, "data")
	initdb := command("initdb", "--username", "flow", "--auth", "trust", "--encoding", "UTF8", "--no-sync", "-D", data)
	if output, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, output)
	}
	server := command("postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// PostgreSQL's fast shutdown; it takes its own children along.
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
	})
	started := time.Now()
	for command("pg_isready", "--quiet", "--host", folder).Run() != nil {
		if time.Since(started) > time.Minute {
			t.Fatal("PostgreSQL does not start")
		}
	}
	return "postgres://flow@localhost/postgres?host=" + folder
}

// ownerOf returns whom the server runs as, and gives them the folder: PostgreSQL refuses to run as root, so it runs as
// nobody where we are root.
func ownerOf(t *testing.T, folder string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, uidErr := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(nobody.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		t.Fatal(uidErr, gidErr)
	}
	if err := os.Chown(folder, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
