// Asks for a key, fetches the document that describes the actions, and hands both to Swagger UI.
"use strict";

(() => {
  // The key lives in this variable and nowhere else: not in storage, not in a cookie, not in the address.
  let key = "";

  // What the page shows in place of the key, in the cURL commands that readers copy and photograph.
  const SHOWN = "Bearer YOUR_KEY";
  const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

  // Where the gateway is, from where this page is: https://host/prefix/docs is https://host/prefix/.
  const gateway = new URL("./", location.href);
  const isPublic = document.body.dataset.public === "true";
  const canRun = document.body.dataset.canRun === "true";
  const at = (id) => document.getElementById(id);

  function signed(headers) {
    return key ? { ...headers, Authorization: `Bearer ${key}` } : { ...headers };
  }

  async function read(path) {
    let answer;
    try {
      answer = await fetch(new URL(path, gateway), { headers: signed({}), cache: "no-store" });
    } catch {
      throw new Error("The gateway cannot be reached. Is it running?");
    }
    const body = await answer.json().catch(() => null);
    if (answer.ok && body) return body;
    const error = new Error(body?.message ?? `The gateway answered ${answer.status}, without a reason.`);
    error.status = answer.status;
    throw error;
  }

  // The address of the gateway is where this page came from, the key is ours to put on requests, and the
  // dialect is one that Swagger UI reads without knowing its name.
  function adapt(described) {
    const { security, jsonSchemaDialect, ...rest } = described;
    const { securitySchemes, ...components } = described.components ?? {};
    const { license, ...info } = described.info ?? {};
    return {
      ...rest,
      info,
      servers: [{ url: gateway.href.replace(/\/$/, "") }],
      components: {
        ...components,
        parameters: changed(components.parameters, unfilled),
        responses: changed(components.responses, brief),
      },
    };
  }

  function changed(members, change) {
    return Object.fromEntries(Object.entries(members ?? {}).map(([name, one]) => [name, change(one, name)]));
  }

  // All errors have one shape: the last of each list shows it, and a dozen copies would only slow the page.
  function brief({ content, headers, ...response }, name) {
    return name === "default" ? { content, ...response } : response;
  }

  // Swagger UI would fill in an example, and send it: a key for repetitions that is no one's, for instance.
  function unfilled({ example, ...parameter }) {
    if (example === undefined) return parameter;
    return { ...parameter, description: `${parameter.description ?? ""} For example \`${example}\`.`.trim() };
  }

  function show(described) {
    SwaggerUIBundle({
      spec: adapt(described),
      domNode: at("reference"),
      deepLinking: true,
      defaultModelsExpandDepth: -1,
      defaultModelExpandDepth: 3,
      displayRequestDuration: true,
      docExpansion: "list",
      persistAuthorization: false,
      supportedSubmitMethods: canRun ? METHODS : [],
      tryItOutEnabled: canRun,
      validatorUrl: null,
      requestInterceptor: (request) => {
        if (key && request.url.startsWith(gateway.href)) {
          request.headers.Authorization = SHOWN;
          request.userFetch = (url, options) => fetch(url, { ...options, headers: signed(options.headers) });
        }
        return request;
      },
    });
  }

  function say(text) {
    at("status").textContent = text;
  }

  function complain(text) {
    at("problem").replaceChildren(...text.split("`").map((part, number) => (number % 2 ? code(part) : part)));
    at("problem").hidden = !text;
    at("key").setAttribute("aria-invalid", String(Boolean(text)));
  }

  function code(text) {
    const element = document.createElement("code");
    element.textContent = text;
    return element;
  }

  // Whose key it is; a key that may run actions and not read the catalog is good all the same.
  async function greet() {
    try {
      return (await read("me")).label;
    } catch (error) {
      if (error.status === 403) return "";
      throw error;
    }
  }

  async function enter(event) {
    event.preventDefault();
    complain("");
    key = at("key").value.trim().replace(/^bearer\s+/i, "");
    if (!/^[\x21-\x7e]+$/.test(key)) {
      key = "";
      complain("A key is one word of plain characters. Copy it again.");
      at("key").focus();
      return;
    }
    at("open").disabled = true;
    say("Looking …");
    try {
      const label = await greet();
      if (!isPublic) show(await read("openapi.json"));
      at("key").value = "";
      at("door").hidden = true;
      at("label").textContent = label ? `Key: ${label}` : "A key is set";
      at("who").hidden = false;
      at("reference").focus({ preventScroll: true });
    } catch (error) {
      key = "";
      complain(error.message);
      at("key").select();
    } finally {
      at("open").disabled = false;
      say("");
    }
  }

  async function start() {
    at("door").addEventListener("submit", enter);
    at("forget").addEventListener("click", () => location.reload());
    at("door").hidden = isPublic && !canRun;
    if (!isPublic) {
      at("key").focus();
      return;
    }
    say("Loading …");
    try {
      show(await read("openapi.json"));
      say("");
    } catch (error) {
      say(error.message);
    }
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", paint);
  paint();
  start();
})();
