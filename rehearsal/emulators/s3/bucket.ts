/** One version of an object; a delete marker has no content. */
export interface Version {
  readonly key: string;
  /** `null` in a bucket without versioning, as S3 has it. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly content?: Content;
}

export interface Content {
  readonly bytes: Uint8Array;
  /** In quotes, as it goes over the wire. */
  readonly etag: string;
  readonly type: string;
  /** By the name of the algorithm as it is in headers (`sha256`), in base64. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** A version that can be read. */
export type StoredObject = Version & { readonly content: Content };

export interface Bucket {
  readonly name: string;
  readonly versioned: boolean;
  /** By key: the current version first. */
  readonly versions: Map<string, readonly Version[]>;
}

export const isStored = (version: Version | undefined): version is StoredObject =>
  version?.content !== undefined;

/** The version that a read without an id would give; undefined if there never was one. */
export const newestOf = (bucket: Bucket, key: string): Version | undefined =>
  bucket.versions.get(key)?.[0];

/** The object, unless there is none or it was deleted. */
export const currentOf = (bucket: Bucket, key: string): StoredObject | undefined => {
  const newest = newestOf(bucket, key);
  return isStored(newest) ? newest : undefined;
};

/** Puts a version before those that there are; without versioning in their place. */
export const store = (bucket: Bucket, version: Version): void => {
  const before = bucket.versioned ? (bucket.versions.get(version.key) ?? []) : [];
  bucket.versions.set(version.key, [version, ...before]);
};

/** Takes one version away for good. */
export const purge = (bucket: Bucket, key: string, id: string): Version | undefined => {
  const versions = bucket.versions.get(key) ?? [];
  const left = versions.filter((version) => version.id !== id);
  if (left.length === 0) bucket.versions.delete(key);
  else bucket.versions.set(key, left);
  return versions.find((version) => version.id === id);
};

/** In the order of the bytes of their keys. */
export const objectsOf = (bucket: Bucket): readonly StoredObject[] =>
  [...bucket.versions.values()]
    .map(([newest]) => newest)
    .filter(isStored)
    .toSorted((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key)));

/** Every version that there is, the oldest first. */
export const versionsOf = (bucket: Bucket): readonly Version[] =>
  [...bucket.versions.values()]
    .flatMap((versions) => versions.toReversed())
    .toSorted((one, other) => one.modifiedAt - other.modifiedAt);
