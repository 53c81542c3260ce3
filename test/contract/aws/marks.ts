/** Everything that a run makes carries this tag; its value is the run. */
export const runTag = "drover:contract";

/** What the names of everything that a run makes begin with, followed by the run. */
export const groupPrefix = "drover-contract-";

/** Below it are no parameters but what runs have made. */
export const runParameters = `/${groupPrefix}runs`;

interface Tagged {
  readonly Tags?: readonly { readonly Key?: string | undefined }[] | undefined;
}

/**
 * Whether something is a run's. The filter of a list says so already; but what is
 * deleted by it is looked at twice.
 */
export const isOurs = ({ Tags }: Tagged): boolean =>
  Tags?.some(({ Key }) => Key === runTag) === true;
