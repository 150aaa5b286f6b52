/* Shows the API's own document, and lets every operation be tried out against the server that the page came from. */
(async () => {
  const page = document.getElementById('reference');
  const { apiKey, incomingSecret } = page.dataset;
  const response = await fetch('/openapi.json');
  const spec = await response.json();
  // The page may have been opened under another name than PUBLIC_URL, and may only talk to its own server.
  spec.servers = [{ url: location.origin }];

  /** The demo account's webhooks are signed here, as an ATS would sign them. */
  async function sign(request) {
    const signed = 'X-Webhook-Signature' in request.headers;
    if (signed || !incomingSecret || !request.url.includes('/v1/webhooks/') || !crypto.subtle) return request;
    const seconds = Math.floor(Date.now() / 1000);
    const bytes = (text) => new TextEncoder().encode(text);
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', bytes(incomingSecret), algorithm, false, ['sign']);
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(`${seconds}.${request.body}`)));
    const hex = Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join('');
    request.headers['X-Webhook-Signature'] = `t=${seconds},v1=${hex}`;
    return request;
  }

  const ui = SwaggerUIBundle({
    spec,
    domNode: page,
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: 'none',
    requestInterceptor: sign,
    onComplete: () => {
      if (apiKey) ui.preauthorizeApiKey('api-key', apiKey);
    },
  });
})();
