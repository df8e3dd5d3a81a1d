package graphql

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
)

func (q query) Webhooks(ctx context.Context) ([]processes.HookStatus, error) {
	return q.Config.Webhooks.All(ctx)
}

func (q query) Webhook(ctx context.Context, id string) (*processes.HookStatus, error) {
	return found(q.Config.Webhooks.Status(ctx, id))
}

type webhook struct{ *resolver }

func (r *resolver) Webhook() exec.WebhookResolver { return webhook{r} }

func (webhook) Types(_ context.Context, of *processes.HookStatus) ([]string, error) {
	return of.Types, nil
}

// mostDeliveries bounds the journal of an endpoint.
const mostDeliveries = 50

func (w webhook) Deliveries(ctx context.Context, of *processes.HookStatus) ([]processes.Delivery, error) {
	return w.Webhooks.Journal(ctx, of.ID, mostDeliveries)
}

// remembered does what an operator asks for outside of the log, and keeps what came of it: made
// again under its request id, of which the id that it is given is made, it is not done
// again.
func remembered[T any](ctx context.Context, m mutation, request *string, done *exec.Done, do func(ctx context.Context, id string) (T, error)) (came T, err error) {
	plain := ctx
	if ctx, err = m.requested(ctx, request); err != nil {
		return came, err
	}
	position, answer, made, err := eventstore.Made(ctx, m.Store)
	switch {
	case err != nil:
	case made:
		err = json.Unmarshal(answer, &came)
	default:
		position, err = eventstore.Transact(ctx, m.Store, func(tx *eventstore.Tx) error {
			// Nothing is loaded, and so there is no conflict for which this would run again.
			if came, err = do(plain, tx.NewID().String()); err != nil {
				return err
			}
			return tx.Answer(came)
		})
	}
	if err == nil && request == nil {
		position, err = m.Store.Log.Head(ctx)
	}
	return came, m.settled(ctx, done, position, err)
}

// A grant is of a secret: to which endpoint, and who has asked for it.
type grant struct{ Webhook, Request string }

// issued has an endpoint given a secret, which nobody is told but who asks for it, as
// often as they do under the same request id.
func (m mutation) issued(ctx context.Context, request *string, issue func(context.Context, grant) (grant, error)) (done exec.WebhookSecretDone, err error) {
	to, err := remembered(ctx, m, request, &done.Done, func(ctx context.Context, id string) (grant, error) { return issue(ctx, grant{Request: id}) })
	if err != nil {
		return done, err
	}
	done.ID = to.Webhook
	secret, err := m.Webhooks.Secret(ctx, to.Webhook, to.Request)
	if errors.Is(err, processes.ErrNoSuchHook) { // it was removed since
		err = nil
	}
	if secret != "" {
		done.Secret = &secret
	}
	return done, err
}

func (m mutation) CreateWebhook(ctx context.Context, url, about string, types []string, after *int64, requestID *string) (exec.WebhookSecretDone, error) {
	return m.issued(ctx, requestID, func(ctx context.Context, to grant) (grant, error) {
		from, err := m.Store.Log.Head(ctx)
		if err != nil {
			return to, err
		}
		hook, _, err := m.Webhooks.Add(ctx, processes.Webhook{ID: to.Request, URL: url, About: about, Types: types}, *or(after, &from))
		to.Webhook = hook.ID
		return to, err
	})
}

func (m mutation) RotateWebhookSecret(ctx context.Context, id string, overlapHours int, requestID *string) (exec.WebhookSecretDone, error) {
	return m.issued(ctx, requestID, func(ctx context.Context, to grant) (grant, error) {
		to.Webhook = id
		_, _, err := m.Webhooks.Rotate(ctx, id, to.Request, time.Duration(overlapHours)*time.Hour)
		return to, err
	})
}

// told does what an operator asks for of an endpoint.
func (m mutation) told(ctx context.Context, request *string, id string, do func(context.Context) error) (exec.WebhookDone, error) {
	done, err := m.steered(ctx, request, id, do)
	return exec.WebhookDone(done), err
}

func (m mutation) DisableWebhook(ctx context.Context, id, reason string, requestID *string) (exec.WebhookDone, error) {
	return m.told(ctx, requestID, id, func(ctx context.Context) error { return m.Webhooks.Disable(ctx, id, reason) })
}

func (m mutation) EnableWebhook(ctx context.Context, id string, requestID *string) (exec.WebhookDone, error) {
	return m.told(ctx, requestID, id, func(ctx context.Context) error { return m.Webhooks.Enable(ctx, id) })
}

func (m mutation) ReplayWebhook(ctx context.Context, id string, after int64, requestID *string) (exec.WebhookDone, error) {
	return m.told(ctx, requestID, id, func(ctx context.Context) error { return m.Webhooks.Replay(ctx, id, after) })
}

func (m mutation) RetryWebhook(ctx context.Context, id string, position int64, requestID *string) (exec.WebhookDone, error) {
	return m.told(ctx, requestID, id, func(ctx context.Context) error { return m.Webhooks.Retry(ctx, id, position) })
}

func (m mutation) RemoveWebhook(ctx context.Context, id string, requestID *string) (exec.WebhookDone, error) {
	return m.told(ctx, requestID, id, func(ctx context.Context) error { return m.Webhooks.Remove(ctx, id) })
}

// testPatience is how long an endpoint may take for a test: less than a mutation may.
const testPatience = 10 * time.Second

func (m mutation) TestWebhook(ctx context.Context, id string, requestID *string) (done exec.WebhookTestDone, err error) {
	done.ID = id
	done.Delivery, err = remembered(ctx, m, requestID, &done.Done, func(ctx context.Context, _ string) (processes.Delivery, error) {
		ctx, cancel := context.WithTimeout(ctx, testPatience)
		defer cancel()
		return m.Webhooks.Test(ctx, id)
	})
	return done, err
}

type webhookPayload struct{ *resolver }

func (r *resolver) WebhookPayload() exec.WebhookPayloadResolver { return webhookPayload{r} }

func (p webhookPayload) Webhook(ctx context.Context, done *exec.WebhookDone) (*processes.HookStatus, error) {
	return found(p.Webhooks.Status(ctx, done.ID))
}

type webhookSecretPayload struct{ *resolver }

func (r *resolver) WebhookSecretPayload() exec.WebhookSecretPayloadResolver {
	return webhookSecretPayload{r}
}

func (p webhookSecretPayload) Webhook(ctx context.Context, done *exec.WebhookSecretDone) (*processes.HookStatus, error) {
	return webhookPayload(p).Webhook(ctx, &done.WebhookDone)
}

type webhookTestPayload struct{ *resolver }

func (r *resolver) WebhookTestPayload() exec.WebhookTestPayloadResolver { return webhookTestPayload{r} }

func (p webhookTestPayload) Webhook(ctx context.Context, done *exec.WebhookTestDone) (*processes.HookStatus, error) {
	return webhookPayload(p).Webhook(ctx, &done.WebhookDone)
}
