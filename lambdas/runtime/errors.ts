/**
 * The errors that a state machine tells apart. Retry and Catch name them by
 * `<Class>.errorName`, never by a loose string.
 */
abstract class NamedError extends Error {
  constructor(name: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}

/** What a person or an event asked for cannot be done as it was asked. */
export class InputRefused extends NamedError {
  static readonly errorName = "InputRefused";
  constructor(message: string, options?: ErrorOptions) {
    super(InputRefused.errorName, message, options);
  }
}

/** Another execution handles the instance. */
export class AlreadyOwned extends NamedError {
  static readonly errorName = "AlreadyOwned";
  constructor(message: string, options?: ErrorOptions) {
    super(AlreadyOwned.errorName, message, options);
  }
}

/** A setting of the deployment is wrong: trying again changes nothing. */
export class SettingsRefused extends NamedError {
  static readonly errorName = "SettingsRefused";
  constructor(message: string, options?: ErrorOptions) {
    super(SettingsRefused.errorName, message, options);
  }
}

/**
 * Nomad or Consul gave no usable answer. The state machine goes back to *Find
 * node*, which keeps the hook alive for as long as that lasts.
 */
export class ClusterUnavailable extends NamedError {
  static readonly errorName = "ClusterUnavailable";
  constructor(message: string, options?: ErrorOptions) {
    super(ClusterUnavailable.errorName, message, options);
  }
}

/** Nomad or Consul remember a machine that was forgotten: it has to be forgotten once more. */
export class StillRemembered extends NamedError {
  static readonly errorName = "StillRemembered";
  constructor(message: string, options?: ErrorOptions) {
    super(StillRemembered.errorName, message, options);
  }
}

/** The names of errors that would come again however often a task is tried. */
export const refusals = [
  InputRefused.errorName,
  AlreadyOwned.errorName,
  SettingsRefused.errorName,
] as const;
