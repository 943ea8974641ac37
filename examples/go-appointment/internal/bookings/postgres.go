package bookings

import (
	"context"
	_ "embed" // For the schema.
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Its constraints keep the promises of Store, whatever replicas do at the same time; no promise hangs on the code below. It
// is the table of the Rust example, so that replicas of both can share a database.
//
//go:embed schema.sql
var schema string

const (
	// schemaLock lets two replicas that start at the same moment create the table one after the other. It is the Rust
	// example's number, and one that no other application locks in this database.
	schemaLock = 0x666c_6f77

	// timeout bounds a call of the database: a user who is told at once that it failed can press "retry".
	timeout = 3 * time.Second

	// maxAttempts bounds what an attempt to book is tried again for: a reference that came up twice, or a booking that was
	// deleted meanwhile.
	maxAttempts = 3
)

// Postgres keeps bookings in a PostgreSQL database.
type Postgres struct {
	pool *pgxpool.Pool
}

// Open connects to a database, such as postgres://user@host/name, and creates the table where it is missing. No error of it
// has the password.
func Open(ctx context.Context, url string) (*Postgres, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("DATABASE_URL should begin with postgres://, such as postgres://user@host/name")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The error has the URL, without the password where that could be told apart.
		return nil, errors.New("DATABASE_URL is no URL of a database, such as postgres://user@host/name")
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(schemaLock)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, schema)
		return err
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	return &Postgres{pool: pool}, nil
}

// Close ends every connection, once nobody uses it any more.
func (p *Postgres) Close() { p.pool.Close() }

// Taken implements Store.
func (p *Postgres) Taken(ctx context.Context, department, location, from string) (map[Time]bool, error) {
	taken := make(map[Time]bool)
	err := p.do(ctx, func(ctx context.Context) error {
		const query = `SELECT date, time FROM appointment_bookings WHERE department = $1 AND location = $2 AND date >= $3`
		// It closes rows, and returns its error where the query failed.
		rows, _ := p.pool.Query(ctx, query, department, location, from)
		var at Time
		_, err := pgx.ForEachRow(rows, []any{&at.Date, &at.Time}, func() error {
			taken[at] = true
			return nil
		})
		return err
	})
	return taken, err
}

// Book implements Store.
func (p *Postgres) Book(ctx context.Context, flowToken string, booking Booking) (outcome Outcome, err error) {
	err = p.do(ctx, func(ctx context.Context) error {
		for range maxAttempts {
			e := entry{reference: newReference(), flowToken: flowToken, booking: booking}
			inserted, err := p.insert(ctx, e)
			if err != nil {
				return err
			}
			if inserted {
				outcome = Outcome{Status: Booked, Reference: e.reference}
				return nil
			}
			obstacle, err := p.obstacle(ctx, flowToken, booking.Slot)
			if err == nil {
				outcome = obstacle.against(flowToken, booking)
				return nil
			}
			if !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
		}
		return errors.New("too many attempts to book")
	})
	return outcome, err
}

// insert tells whether the constraints let the booking in.
func (p *Postgres) insert(ctx context.Context, e entry) (bool, error) {
	const statement = `INSERT INTO appointment_bookings
		(reference, flow_token, department, location, date, time, name, email, phone, more_details)
		VALUES ($1, NULLIF($2, ''), $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT DO NOTHING`
	b := e.booking
	tag, err := p.pool.Exec(ctx, statement, e.reference, e.flowToken, b.Department, b.Location, b.Date, b.Time.Time,
		b.Name, b.Email, b.Phone, b.MoreDetails)
	return tag.RowsAffected() == 1, err
}

// obstacle returns the booking that stands in the way: that of the token, or else that of the slot.
func (p *Postgres) obstacle(ctx context.Context, flowToken string, slot Slot) (entry, error) {
	const query = `SELECT reference, COALESCE(flow_token, ''), department, location, date, time, name, email, phone, more_details
		FROM appointment_bookings
		WHERE flow_token = NULLIF($1, '') OR (department = $2 AND location = $3 AND date = $4 AND time = $5)
		ORDER BY (flow_token = NULLIF($1, '')) DESC NULLS LAST
		LIMIT 1`
	var e entry
	b := &e.booking
	err := p.pool.QueryRow(ctx, query, flowToken, slot.Department, slot.Location, slot.Date, slot.Time.Time).Scan(
		&e.reference, &e.flowToken, &b.Department, &b.Location, &b.Date, &b.Time.Time, &b.Name, &b.Email, &b.Phone,
		&b.MoreDetails)
	return e, err
}

// Find implements Store.
func (p *Postgres) Find(ctx context.Context, flowToken string) (reference string, found bool, err error) {
	err = p.do(ctx, func(ctx context.Context) error {
		const query = `SELECT reference FROM appointment_bookings WHERE flow_token = $1`
		err := p.pool.QueryRow(ctx, query, flowToken).Scan(&reference)
		found = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return reference, found, err
}

// Check implements Store.
func (p *Postgres) Check(ctx context.Context) error { return p.do(ctx, p.pool.Ping) }

// do bounds the time of a call of the database, and logs what is wrong with it.
func (p *Postgres) do(ctx context.Context, call func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := call(bounded)
	if err == nil {
		return nil
	}
	// The caller's time is over, or the caller has gone: nothing is wrong with the database.
	if err := ctx.Err(); err != nil {
		return err
	}
	// An error of the database, or of a value on its way, may quote what it is about. An error of the connection has the
	// user and the host.
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		slog.ErrorContext(ctx, "the database refused a statement", "code", refused.Code)
	} else if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		slog.ErrorContext(ctx, "the database cannot be reached", "error", failed)
	} else {
		slog.ErrorContext(ctx, "the database cannot be used", "type", fmt.Sprintf("%T", err))
	}
	return ErrUnavailable
}
