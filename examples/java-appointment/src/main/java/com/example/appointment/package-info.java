/** The logic of the appointment flow, served to flow-edge over gRPC. */
@NullMarked
package com.example.appointment;

import org.jspecify.annotations.NullMarked;
