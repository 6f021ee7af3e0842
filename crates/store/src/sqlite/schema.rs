//! The database file and how connections to it are set up.

use std::fs::{File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::row::fault;
use crate::port::StoreError;

/// How long a connection waits for another process's lock. Within this process nobody waits for one.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// More than the number of different statements, so that none is prepared twice.
const STATEMENTS: usize = 200;

/// Nobody but the owner.
const MODE: u32 = 0o600;

/// What every connection is told. A schema changed by somebody else must not run code (`trusted_schema`), a damaged cell
/// is found when it is read (`cell_size_check`), nothing goes to temporary files.
const EVERY: &str = "
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -4096;";

/// What the writer is told besides: a commit is on the disk when it returns (FULL), what is erased is overwritten
/// (`secure_delete`), and the write-ahead log is carried over by the writer itself, after it has answered. It touches
/// pages all over the file, so that it keeps up to 16 MB of them.
const WRITER: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -16384;";

/// Makes the file if there is none and closes it to others, whatever the umask. `SQLite` gives its side files the mode of
/// the database file.
pub(super) fn claim(path: &Path) -> Result<(), StoreError> {
    let failed =
        |error: std::io::Error| StoreError::Unavailable(format!("the database file cannot be opened: {error}"));
    let file = match OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(path).map_err(failed)?,
        Err(error) => return Err(failed(error)),
    };
    close_to_others(&file).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        match File::open(side_file(path, suffix)) {
            Ok(side) => close_to_others(&side).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn close_to_others(file: &File) -> std::io::Result<()> {
    if file.metadata()?.permissions().mode() & 0o777 != MODE {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    Ok(())
}

/// The path of a file that lies beside the database file.
pub(super) fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The writer's connection.
pub(super) fn open_writer(path: &Path, max_pages: Option<u32>) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(WRITER).map_err(|error| fault(&error))?;
    if let Some(pages) = max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(|error| fault(&error))?;
    }
    Ok(connection)
}

/// A reader's connection.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|error| fault(&error))?;
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    // a connection is used by one thread at a time, so that SQLite's own locks are not needed
    let connection =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| fault(&error))?;
    let set = || {
        connection.busy_timeout(BUSY)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        // without it, a parameter that is compared with a column of a partial index has its statement prepared anew
        // whenever it is bound
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(EVERY)
    };
    set().map_err(|error| fault(&error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
