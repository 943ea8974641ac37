/** What a user and the edge rely on. */
@NullMarked
package com.example.appointment;

import org.jspecify.annotations.NullMarked;
