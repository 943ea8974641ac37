-- The bookings, in words that SQLite and PostgreSQL both read. Dates are YYYY-MM-DD and times HH:MM, which sort as text.
--
-- The two constraints are what keeps a slot from being booked twice, and a token from booking twice, however many replicas
-- write at the same time. A conversation without a token has NULL, of which there may be many.
CREATE TABLE IF NOT EXISTS appointment_bookings (
    reference TEXT PRIMARY KEY,
    flow_token TEXT UNIQUE,
    department TEXT NOT NULL,
    location TEXT NOT NULL,
    date TEXT NOT NULL,
    time TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT NOT NULL,
    more_details TEXT NOT NULL,
    UNIQUE (department, location, date, time)
)
