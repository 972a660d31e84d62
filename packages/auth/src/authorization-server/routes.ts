import { metadataPaths } from "../oauth/authorization-server-metadata.js";
import { decide } from "./consent/approve.js";
import { findRequest, readAnswer } from "./consent/find-request.js";
import { identifyPerson } from "./consent/identify-person.js";
import { makeOffer } from "./consent/make-offer.js";
import { passOrAsk } from "./consent/pass-or-ask.js";
import { authorizeDevice } from "./device/authorize-device.js";
import { enterCode, showCodePage } from "./device/enter-code.js";
import { jwksDocument, metadataDocument } from "./documents.js";
import { introspect } from "./introspect.js";
import { type Refuse, type Steps, steps } from "./pipeline.js";
import { refuseAsJson, refuseAsPage, refuseByRedirect } from "./refusals.js";
import { limitRegistrations, readRegistration, register } from "./register.js";
import { revoke } from "./revoke.js";
import type { Server } from "./server.js";
import { authenticateClient, readFormBody } from "./steps/authenticate-client.js";
import { checkAuthorizationRequest } from "./steps/check-authorization-request.js";
import { identifyClient } from "./steps/identify-client.js";
import { limitGuesses, refuseGuess } from "./steps/limit-guesses.js";
import { proveKey } from "./steps/prove-key.js";
import { proveRedirectUri } from "./steps/prove-redirect-uri.js";
import { readAuthorizationRequest } from "./steps/read-authorization-request.js";
import { answerUnauthenticated, findGrant, redeemGrant } from "./steps/redeem-grant.js";
import { rememberRequest } from "./steps/remember-request.js";

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Scripts of any origin may call it: it answers to what is in the request alone, never to a cookie. */
  readonly cors: boolean;
  readonly refuse: Refuse;
  readonly steps: Steps;
}

const AUTHORIZE = steps(
  readAuthorizationRequest,
  identifyClient,
  proveRedirectUri,
  checkAuthorizationRequest,
  rememberRequest,
  identifyPerson,
  makeOffer,
  passOrAsk,
);

/** Every endpoint below the issuer's path. Where that is empty these are also the default places of 2025-03-26. */
const ENDPOINTS: readonly (Route & { readonly when?: (server: Server) => boolean })[] = [
  { method: "GET", path: "/authorize", cors: false, refuse: refuseByRedirect, steps: AUTHORIZE },
  { method: "POST", path: "/authorize", cors: false, refuse: refuseByRedirect, steps: AUTHORIZE },
  {
    method: "GET",
    path: "/consent",
    cors: false,
    refuse: refuseAsPage,
    steps: steps(findRequest, identifyPerson, makeOffer, passOrAsk),
  },
  {
    method: "POST",
    path: "/consent",
    cors: false,
    refuse: refuseAsPage,
    steps: steps(readAnswer, identifyPerson, makeOffer, decide),
  },
  {
    method: "POST",
    path: "/token",
    cors: true,
    refuse: refuseGuess,
    steps: steps(
      limitGuesses,
      readFormBody,
      findGrant,
      proveKey,
      answerUnauthenticated,
      authenticateClient,
      redeemGrant,
    ),
  },
  {
    method: "POST",
    path: "/revoke",
    cors: true,
    refuse: refuseGuess,
    steps: steps(limitGuesses, readFormBody, authenticateClient, revoke),
  },
  {
    method: "POST",
    path: "/register",
    cors: true,
    refuse: refuseAsJson,
    steps: steps(limitRegistrations, readRegistration, register),
    when: ({ options }) => options.registration.dynamic,
  },
  {
    method: "POST",
    path: "/introspect",
    cors: false,
    refuse: refuseGuess,
    steps: steps(limitGuesses, readFormBody, authenticateClient, introspect),
    when: ({ options }) => options.introspectedBy !== undefined,
  },
  {
    method: "POST",
    path: "/device_authorization",
    cors: true,
    refuse: refuseGuess,
    steps: steps(limitGuesses, readFormBody, authenticateClient, authorizeDevice),
    when: hasDevices,
  },
  { method: "GET", path: "/device", cors: false, refuse: refuseAsPage, steps: steps(showCodePage), when: hasDevices },
  { method: "POST", path: "/device", cors: false, refuse: refuseAsPage, steps: steps(enterCode), when: hasDevices },
  { method: "GET", path: "/jwks", cors: true, refuse: refuseAsJson, steps: steps(jwksDocument) },
];

function hasDevices({ options }: Server): boolean {
  return options.deviceGrant === true;
}

/** The table of one server: its endpoints with the issuer's path before them, and the places of its metadata. */
export function routesOf(server: Server): readonly Route[] {
  const endpoints = ENDPOINTS.filter(({ when }) => when?.(server) ?? true);
  return [
    ...endpoints.map((route) => ({ ...route, path: server.path + route.path })),
    ...metadataPaths(server.issuer).map((path) => ({
      method: "GET" as const,
      path,
      cors: true,
      refuse: refuseAsJson,
      steps: steps(metadataDocument),
    })),
  ];
}
