#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// Where rows are bytes from end to end, the few objects around them die at once: more room for young objects only makes
// the collector come later, and memory grow by up to 12 MB with the length of a run. Loading the program would make
// room already, so this comes first. Not for commands that look at values: they would take an eighth more CPU time.
if (process.argv.some((part) => ['export', 'import', 'copy'].includes(part)))
  setFlagsFromString('--semi-space-growth-factor=1');

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
