#!/usr/bin/env node
// Until the outcome is known, ending for whatever reason counts as a bug.
process.exitCode = 70;

import('../dist/program/main.js')
  .then(({ main }) => main())
  .then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      process.stderr.write(`migrate: The program could not be started: ${error?.message}\n`);
    },
  );
