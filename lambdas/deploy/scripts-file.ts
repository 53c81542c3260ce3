/** The file beside the code of `prepare-store` with what `packMachineScripts` gives. */
export const scriptsFile = "scripts.tar.gz";
