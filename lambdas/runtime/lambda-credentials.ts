/**
 * Stands in the bundles for the SDK's chain of credential providers (profiles, single sign-on,
 * other roles, instance metadata): Lambda gives the role's credentials in the environment, and
 * nowhere else. The chain would be a quarter of each bundle and a third of its start.
 */
export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";
