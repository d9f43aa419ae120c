"""Routes of the catalog service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from catalog.api import products

urlpatterns = service_urls(
    [
        path("products", products.ProductList.as_view()),
        path("products/<str:name>", products.ProductDetail.as_view()),
        path("categories", products.CategoryTree.as_view()),
        path("markets", products.Markets.as_view()),
    ]
)
