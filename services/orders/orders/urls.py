"""Routes of the orders service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from orders.api import carts, orders, quotes, staff

urlpatterns = service_urls(
    [
        path("carts", carts.CartList.as_view()),
        path("carts/<uuid:cart_id>", carts.CartDetail.as_view()),
        path("carts/<uuid:cart_id>/items/<str:sku>", carts.CartItemDetail.as_view()),
        path("carts/<uuid:cart_id>/claim", carts.CartClaim.as_view()),
        path("shipping-methods", quotes.ShippingMethods.as_view()),
        path("quotes", quotes.QuoteList.as_view()),
        path("quotes/<uuid:quote_id>", quotes.QuoteDetail.as_view()),
        path("orders", orders.OrderList.as_view()),
        path("orders/<uuid:order_id>", orders.OrderDetail.as_view()),
        path("orders/<uuid:order_id>/timeline", orders.OrderTimeline.as_view()),
        path("orders/<uuid:order_id>/cancel", orders.OrderCancel.as_view()),
        path("staff/orders", staff.StaffOrderList.as_view()),
        path("staff/orders/<uuid:order_id>", staff.StaffOrderDetail.as_view()),
        path("staff/orders/<uuid:order_id>/timeline", staff.StaffOrderTimeline.as_view()),
        path("staff/orders/<uuid:order_id>/cancel", staff.StaffOrderCancel.as_view()),
        path("staff/orders/<uuid:order_id>/holds/<slug:reason>", staff.StaffHold.as_view()),
        path("staff/orders/<uuid:order_id>/shipments", staff.StaffShipments.as_view()),
        path("staff/shipments/<uuid:shipment_id>/delivery", staff.StaffDelivery.as_view()),
    ]
)
