/** @file `gantry doctor`: what really works on this machine, and how to get what does not. */
import type { Command } from 'commander';
import { command, emit, type SharedOptions } from './command.js';

export const doctorCommand = (): Command =>
  command('doctor', 'Say which execution providers really work here, and how to get the missing ones.', [['gantry doctor', 'check this machine']])
    .action(async ({ json }: SharedOptions) => {
      const { diagnose } = await import('../session/doctor.js');
      const findings = await diagnose();
      if (json) {
        for (const finding of findings) emit(finding);
        return;
      }
      for (const { subject, works, says, because = [], try: remedy } of findings) {
        process.stdout.write(`${works ? 'yes' : 'no '}  ${subject.padEnd(16)} ${says}\n`);
        for (const line of because) process.stdout.write(`${' '.repeat(22)}because ${line}\n`);
        if (remedy) process.stdout.write(`${' '.repeat(22)}try ${remedy}\n`);
      }
    });
