/** Below the public URL. The callback is registered with the other systems. */
export const CONNECTION_CALLBACK = "/account/connections/callback";
export const CONNECT_PATH = "/account/connect";
