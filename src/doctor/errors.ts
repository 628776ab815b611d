// Why there is nothing to examine.

import { AppError } from '../base/errors.ts'

/** The file cannot be read, or is no configuration: a score would say that all is well. */
export class DoctorError extends AppError {
  constructor(message: string) {
    super('ERR_DOCTOR_FILE', message)
  }
}
