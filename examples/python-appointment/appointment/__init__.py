"""Book an appointment: the example flow of this project, the same in every language of `examples/`.

| screen | what the user does | what comes next |
|---|---|---|
| `APPOINTMENT` | chooses department, location, date and time; each choice brings the next list | `DETAILS`, by itself |
| `DETAILS` | gives name, email and phone | `SUMMARY`, or `DETAILS` with what to mend |
| `SUMMARY` | reads it all, accepts the terms | the end, or `APPOINTMENT` where the time was taken meanwhile |
| `TERMS` | reads the terms | back, by the client alone |

Who has booked under a flow token gets the same answer again to the same form, and to everything else that the token is
used up. The screens and their data are declared in `examples/flows/appointment.json`.
"""
