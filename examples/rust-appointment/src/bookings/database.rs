//! Bookings in SQLite or PostgreSQL. The table's constraints keep the promises of [`Bookings`], whatever replicas do at the
//! same time; no promise hangs on this code.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use chrono::NaiveDate;
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Error, Row as _};
use tracing::error;

use super::{Booking, Bookings, Entry, Outcome, Unavailable, new_reference};

/// Both databases read this, and all their other statements here.
const SCHEMA: &str = include_str!("../../schema.sql");

/// Two replicas that start at the same moment create the table one after the other. Any number will do that no other
/// application locks in this database.
const SCHEMA_LOCK: i64 = 0x666c_6f77;

/// How long a call waits for a connection: a user who is told at once that it failed can press "retry".
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Why an attempt to book is tried again: a reference that came up twice, or a booking that was deleted meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// Bookings in a database.
pub struct Database {
    pool: AnyPool,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names neither of the two databases.
    #[error(
        "DATABASE_URL should begin with sqlite: or postgres:, such as sqlite:bookings.db or postgres://user@host/name"
    )]
    Url,
    /// It cannot be reached, or refuses.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] Error),
}

impl Database {
    /// Opens the database and creates the table where it is missing. A SQLite file is made where there is none.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let is_postgres = ["postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme));
        let url = match url.strip_prefix("sqlite:") {
            Some(_) if url.contains('?') => url.to_owned(),
            Some(_) => format!("{url}?mode=rwc"),
            None if is_postgres => url.to_owned(),
            None => return Err(OpenError::Url),
        };
        let pool = AnyPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).connect(&url).await?;
        let mut transaction = pool.begin().await?;
        if is_postgres {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK).execute(&mut *transaction).await?;
        }
        sqlx::query(SCHEMA).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Self { pool })
    }

    /// The booking that stands in the way: that of the token, or else that of the slot.
    async fn obstacle(&self, flow_token: Option<&str>, booking: &Booking) -> Result<Option<Entry>, Error> {
        let of_token = sqlx::query("SELECT * FROM appointment_bookings WHERE flow_token = $1").bind(flow_token);
        if let Some(row) = of_token.fetch_optional(&self.pool).await? {
            return Ok(Some(entry(&row)?));
        }
        let of_slot = sqlx::query(
            "SELECT * FROM appointment_bookings WHERE department = $1 AND location = $2 AND date = $3 AND time = $4",
        );
        let of_slot = of_slot.bind(&booking.department).bind(&booking.location).bind(booking.date.to_string());
        of_slot.bind(&booking.time).fetch_optional(&self.pool).await?.map(|row| entry(&row)).transpose()
    }

    /// Whether the constraints let the booking in.
    async fn insert(&self, reference: &str, flow_token: Option<&str>, booking: &Booking) -> Result<bool, Error> {
        let insert = sqlx::query(
            "INSERT INTO appointment_bookings
                 (reference, flow_token, department, location, date, time, name, email, phone, more_details)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT DO NOTHING",
        );
        let insert = insert.bind(reference).bind(flow_token).bind(&booking.department).bind(&booking.location);
        let insert = insert.bind(booking.date.to_string()).bind(&booking.time).bind(&booking.name);
        let insert = insert.bind(&booking.email).bind(&booking.phone).bind(&booking.more_details);
        Ok(insert.execute(&self.pool).await?.rows_affected() == 1)
    }
}

impl Bookings for Database {
    async fn taken(
        &self,
        department: &str,
        location: &str,
        from: NaiveDate,
    ) -> Result<HashSet<(NaiveDate, String)>, Unavailable> {
        let query = sqlx::query(
            "SELECT date, time FROM appointment_bookings WHERE department = $1 AND location = $2 AND date >= $3",
        );
        let query = query.bind(department).bind(location).bind(from.to_string());
        let rows = query.fetch_all(&self.pool).await.map_err(unavailable)?;
        rows.iter().map(|row| Ok((date(row)?, row.try_get("time")?))).collect::<Result<_, _>>().map_err(unavailable)
    }

    async fn book(&self, flow_token: Option<&str>, booking: &Booking) -> Result<Outcome, Unavailable> {
        for _ in 0..MAX_ATTEMPTS {
            let reference = new_reference();
            if self.insert(&reference, flow_token, booking).await.map_err(unavailable)? {
                return Ok(Outcome::Booked { reference });
            }
            if let Some(entry) = self.obstacle(flow_token, booking).await.map_err(unavailable)? {
                return Ok(entry.against(flow_token, booking));
            }
        }
        Err(Unavailable)
    }

    async fn find(&self, flow_token: &str) -> Result<Option<String>, Unavailable> {
        let query = sqlx::query("SELECT reference FROM appointment_bookings WHERE flow_token = $1").bind(flow_token);
        let row = query.fetch_optional(&self.pool).await.map_err(unavailable)?;
        row.map(|row| row.try_get("reference")).transpose().map_err(unavailable)
    }

    async fn check(&self) -> Result<(), Unavailable> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(|_| ()).map_err(unavailable)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool would print the URL, and with it a password.
        f.write_str("Database")
    }
}

fn entry(row: &AnyRow) -> Result<Entry, Error> {
    Ok(Entry {
        reference: row.try_get("reference")?,
        flow_token: row.try_get("flow_token")?,
        booking: Booking {
            department: row.try_get("department")?,
            location: row.try_get("location")?,
            date: date(row)?,
            time: row.try_get("time")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            phone: row.try_get("phone")?,
            more_details: row.try_get("more_details")?,
        },
    })
}

fn date(row: &AnyRow) -> Result<NaiveDate, Error> {
    let text: &str = row.try_get("date")?;
    text.parse().map_err(|error: chrono::ParseError| Error::Decode(error.into()))
}

/// Logs what is wrong. A database's own message may quote what it is about, so only its code is logged.
fn unavailable(error: Error) -> Unavailable {
    match error.as_database_error().map(|error| error.code()) {
        Some(code) => error!(code = code.as_deref(), "the database refused a statement"),
        None => error!(%error, "the database cannot be used"),
    }
    Unavailable
}
