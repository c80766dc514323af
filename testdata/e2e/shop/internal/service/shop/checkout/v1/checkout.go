package checkoutv1

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	cartv1 "github.com/acme/shop/gen/shop/cart/v1"
	catalogv1 "github.com/acme/shop/gen/shop/catalog/v1"
	pb "github.com/acme/shop/gen/shop/checkout/v1"
	commonv1 "github.com/acme/shop/gen/shop/common/v1"
	financev1 "github.com/acme/shop/gen/shop/finance/v1"
	fulfilmentv1 "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/service"
)

// Checkout sells one mug, and calls five services of three other apps for it.
type Checkout struct {
	pb.UnimplementedCheckoutServer

	deps service.Deps
}

// NewCheckout returns a checkout that calls others through deps.
func NewCheckout(deps service.Deps) *Checkout { return &Checkout{deps: deps} }

// PlaceOrder prices the mug, charges the card, ships, and sends a confirmation. What can't be shipped is refunded.
func (h *Checkout) PlaceOrder(ctx context.Context, req *pb.PlaceOrderRequest) (*pb.PlaceOrderResponse, error) {
	items := []*cartv1.Item{{ProductId: "mug", Quantity: 1}}
	total, err := h.price(ctx, req, items)
	if err != nil {
		return nil, fmt.Errorf("price: %w", err)
	}
	charge := &financev1.ChargeRequest{ChargeId: rand.Text(), Amount: total, Card: req.GetCard()}
	charged, err := h.deps.Clients.Payment.Charge(ctx, charge)
	if err != nil {
		return nil, fmt.Errorf("charge: %w", err)
	}
	shipped, err := h.deps.Clients.Shipping.ShipOrder(ctx, &fulfilmentv1.ShipOrderRequest{Address: req.GetAddress(), Items: items})
	if err != nil {
		_, refused := h.deps.Clients.Payment.Refund(ctx, &financev1.RefundRequest{TransactionId: charged.GetTransactionId()})
		return nil, errors.Join(fmt.Errorf("ship: %w", err), refused)
	}
	order := &pb.Order{Id: charged.GetTransactionId(), Total: total, TrackingId: shipped.GetTrackingId()}
	confirm := &fulfilmentv1.SendOrderConfirmationRequest{Email: req.GetEmail(), Order: order}
	if _, err := h.deps.Clients.Email.SendOrderConfirmation(ctx, confirm); err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	return &pb.PlaceOrderResponse{Order: order}, nil
}

// price is what the items and their shipping cost, in the user's currency.
func (h *Checkout) price(ctx context.Context, req *pb.PlaceOrderRequest, items []*cartv1.Item) (*commonv1.Money, error) {
	quote, err := h.deps.Clients.Shipping.GetQuote(ctx, &fulfilmentv1.GetQuoteRequest{Address: req.GetAddress(), Items: items})
	if err != nil {
		return nil, err
	}
	sum := &commonv1.Money{CurrencyCode: quote.GetCost().GetCurrencyCode(), Units: quote.GetCost().GetUnits()}
	for _, item := range items {
		product, err := h.deps.Clients.Catalog.GetProduct(ctx, &catalogv1.GetProductRequest{Id: item.GetProductId()})
		if err != nil {
			return nil, err
		}
		sum.Units += product.GetPrice().GetUnits() * int64(item.GetQuantity())
	}
	return h.deps.Clients.Currency.Convert(ctx, &financev1.ConvertRequest{From: sum, ToCode: req.GetCurrencyCode()})
}
