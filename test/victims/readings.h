/* Every clock of this process, each reading between two readings of the true time. */
#ifndef TIMESKEW_VICTIM_READINGS_H
#define TIMESKEW_VICTIM_READINGS_H

#include <stdio.h>

/* Prints one JSON object on one line: {"pid":…,"readings":[…]}; see test/README.md for its fields. */
void print_readings(FILE *out);

#endif
