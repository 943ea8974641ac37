package com.example.appointment;

/** Why the service cannot start, for whoever starts it. */
final class StartException extends Exception {
    private static final long serialVersionUID = 1;

    StartException(String text, Throwable cause) {
        super(text, cause);
    }

    StartException(String text) {
        super(text);
    }
}
