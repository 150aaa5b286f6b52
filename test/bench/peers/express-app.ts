// A bare Express route with its own JSON parser: what Node and Express alone would do. It is the Express that Nest brings.
import express from 'express';
import { uuidv7 } from 'uuidv7';

const app = express();
app.get('/', (_request, response) => void response.send('ready'));
app.post('/v1/candidates', express.json(), (_request, response) => {
  response.status(202).json({ reference_id: uuidv7() });
});
app.listen(Number(process.env.PORT), process.env.HOST ?? '');
